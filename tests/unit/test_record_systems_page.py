"""docs/reference/record-systems.md says what the plan says: run this file to write the page anew."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ipvscreen.resources.audit_event import taken
from ipvscreen.resources.fallback import Rest, further
from ipvscreen.resources.plan import Ability, WritePlan, plan_writes
from ipvscreen.resources.scopes import Scopes, requested
from ipvscreen.sandbox.capability import capability_statement
from ipvscreen.sandbox.profiles import PROFILES, SETTINGS
from ipvscreen.sandbox.registration import Registration
from ipvscreen.sandbox.state import Sandbox
from ipvscreen.sandbox.switches import Switches

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "record-systems.md"
HEAD = """# What is written where

Written by `scripts/record-systems` from the write plan; a test fails where it is out of date. Each section
is a profile of the sandbox (`ipvscreen sandbox --profile NAME`), with the settings of the app that fit it.
Epic and Oracle Health are their public sandboxes as captured in July and August 2026; Medplum and HAPI
follow their published documents; "minimal" is nobody's. A real site may differ: the app reads its
CapabilityStatement and the granted scopes at each launch, and `start` says what this page says. How each is
decided: [0040](../adr/0040-write-plan-and-fallbacks.md).

"Conditional create": made only where no entry with its identifier is there; else each is looked for before a
retry. A Condition is written only with `health_concern = true`, and then where the clinician chooses it. A
document that carries a form is labelled like the form, NOPAT included, in both places (see there).
"""
LEFT = {Rest.NOTHING: "nothing", Rest.HAND: "by hand"}


def plan_of(name: str) -> WritePlan:
    """What the app would plan with that record system, everything granted that it asks for."""
    switches = Switches()
    PROFILES[name](switches)
    app = Registration("id", (), "https://app.example", "https://app.example", "none", None, None, None)
    sandbox = Sandbox("https://ehr.example", app, lambda: datetime(2026, 3, 2, tzinfo=UTC), switches)
    given: dict[str, Any] = dict(SETTINGS[name])
    carriers = further(given.get("carriers", ()), concern=True)
    asked = requested(given.get("scopes", "v2"), carriers=carriers, audit_events=True)
    granted, capability = Scopes.parse(asked), capability_statement(sandbox)
    lists = given.get("labels_in_lists", "kept")
    plan = plan_writes(capability, granted, lists=lists, carriers=carriers)
    return replace(plan, audit_events=taken(capability, granted))


def page() -> str:
    return "\n".join([HEAD, *(line for name in PROFILES for line in section(name))])


def section(name: str) -> Iterator[str]:
    plan, told = plan_of(name), PROFILES[name].__doc__ or ""
    settings = ", ".join(f"`{key} = {_toml(value)}`" for key, value in SETTINGS[name].items())
    yield f"## {name}\n"
    yield f"{' '.join(told.split())} Settings: {settings or 'none of its own'}.\n"
    log = "takes AuditEvents, where `audit_events` is set" if plan.audit_events else "takes no AuditEvents"
    yield f"Several entries: {plan.bundling}. Its own log {log}.\n"
    yield "| entry | how | what is done instead | left for the clinician |"
    yield "|---|---|---|---|"
    yield from (_row(plan, ability) for ability in plan.abilities)
    yield ""


def _row(plan: WritePlan, one: Ability) -> str:
    if one.allowed:
        return f"| {one.kind} | {plan.way(one.kind)} | – | – |"
    how = f"in a {one.carrier}" if one.carrier else plan.way(one.kind)
    return f"| {one.kind} | {how} | {one.do_instead} | {LEFT[one.rest]} |"


def _toml(value: object) -> str:
    return str(list(value)).replace("'", '"') if isinstance(value, tuple) else f'"{value}"'


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "run scripts/record-systems"


def test_a_change_of_a_profile_changes_the_page(monkeypatch: Any) -> None:
    """The control."""

    def without_flags(switches: Switches) -> None:
        """Everything but flags."""
        switches.flag_create = False

    before = page()
    monkeypatch.setitem(PROFILES, "medplum", without_flags)
    assert page() != before


def test_two_profiles_have_nothing_to_tell() -> None:
    assert {name for name in PROFILES if not plan_of(name).cannot()} == {"medplum", "hapi"}


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
