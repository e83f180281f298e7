"""Google's csp_evaluator reads the content security policy of every kind of response."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ipvscreen.web.security import Policy

HERE = Path(__file__).parent
APP, EHR = "https://app.example", "https://ehr.example"

# What a response knows of itself: nobody may frame it, a record system may, its form goes to a sign-in page.
KINDS: dict[str, dict[str, tuple[str, ...]]] = {
    "any": {},
    "framed": {"framed_by": (EHR,)},
    "posts to the sign-in page": {"posts_to": (EHR,)},
    "framed, and posts": {"framed_by": (EHR, "https://portal.example"), "posts_to": (EHR,)},
}

# Accepted, with the reasons in docs/adr/0034: one address of one file of ours is the whole list.
ACCEPTED = {
    ("SCRIPT_ALLOWLIST_BYPASS", "MEDIUM_MAYBE"): "No bypass found",
    ("STRICT_DYNAMIC", "STRICT_CSP"): "Host allowlists",
}


@pytest.fixture(scope="module")
def findings() -> Any:
    """What csp_evaluator finds in each of these policies; skips, in CI fails, where it is not installed."""
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules" / "csp_evaluator").is_dir():
        why = "csp_evaluator is not installed: it needs Node, and scripts/interop"
        pytest.fail(why) if os.environ.get("IPVSCREEN_CI") else pytest.skip(why)

    def evaluate(policies: list[str]) -> list[list[dict[str, Any]]]:
        done = subprocess.run(  # noqa: S603  our own script, with our own policies
            [node, str(HERE / "csp.mjs")],
            input=json.dumps(policies),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return json.loads(done.stdout)

    return evaluate


def policy(kind: str, public_url: str = APP) -> str:
    """The header as it is sent."""
    return Policy.of(public_url).headers(**KINDS[kind])["content-security-policy"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("public_url", [APP, f"{APP}/under/a/path"])
def test_nothing_is_found_but_what_is_accepted(kind: str, public_url: str, findings: Any) -> None:
    (found,) = findings([policy(kind, public_url)])

    rest = [f for f in found if not f["words"].startswith(ACCEPTED.get((f["type"], f["severity"]), "\0"))]
    assert rest == []
    assert {f["value"] for f in found if f["value"]} == {f"{public_url}/s/page.js"}


@pytest.mark.parametrize(
    ("weaker", "type_"),
    [
        (("script-src https", "script-src 'unsafe-inline' https"), "SCRIPT_UNSAFE_INLINE"),
        (("default-src 'none'; ", ""), "MISSING_DIRECTIVES"),
        (("; require-trusted-types-for 'script'", ""), "REQUIRE_TRUSTED_TYPES_FOR_SCRIPTS"),
        ((f"script-src {APP}/s/page.js", "script-src *"), "PLAIN_WILDCARD"),
        (("script-src https", "script-scr https"), "UNKNOWN_DIRECTIVE"),
    ],
)
def test_a_weaker_policy_is_noticed(weaker: tuple[str, str], type_: str, findings: Any) -> None:
    """The control: each of these is found."""
    strict = policy("any")
    assert weaker[0] in strict
    (found,) = findings([strict.replace(*weaker)])

    assert type_ in {f["type"] for f in found}


def test_the_lock_names_no_host_that_is_fetched_from() -> None:
    lock = (HERE / "package-lock.json").read_text(encoding="utf-8")

    assert '"resolved"' not in lock
    assert '"integrity": "sha512-' in lock
