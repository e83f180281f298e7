"""A service of the directory: FHIR HealthcareService with our profile's extension → ipv Service.

Shape: `name` (official), `comment` (for whom, one sentence), `telecom` of system phone, and one extension
`service-profile` with sub-extensions kind, shortName, replyHours, endpoint and hours (required), sex* and
setting* (none: all), ageFrom, ageTo, needsChildrenOrPregnancy, takesPast, takesCurrent, contactRulesSigned.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from ipvscreen.ipv.person import Setting, Sex
from ipvscreen.ipv.services import Kind, Service
from ipvscreen.resources.model import checked
from ipvscreen.resources.neutral import topic_word
from ipvscreen.resources.terminology import BASE

SERVICE_PROFILE = f"{BASE}/StructureDefinition/service-profile"

_VALUES = {
    "kind": "valueCode",
    "shortName": "valueString",
    "replyHours": "valuePositiveInt",
    "hours": "valueString",
    "endpoint": "valueUrl",
    "sex": "valueCode",
    "setting": "valueCode",
    "ageFrom": "valueUnsignedInt",
    "ageTo": "valueUnsignedInt",
    "needsChildrenOrPregnancy": "valueBoolean",
    "takesPast": "valueBoolean",
    "takesCurrent": "valueBoolean",
    "contactRulesSigned": "valueBoolean",
}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def service_of(resource: Mapping[str, Any]) -> Service:
    """The service; ValueError with a plain sentence that names it and says what is wrong."""
    name = resource.get("name") or "A service without a name"
    try:
        if resource.get("resourceType") != "HealthcareService":
            raise ValueError("is not a HealthcareService.")
        return _service(checked(resource))
    except ValidationError as invalid:
        first = invalid.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{name}: is not valid FHIR R4 at '{where}': {first['msg']}.") from invalid
    except ValueError as wrong:
        raise ValueError(f"{name}: {wrong}") from wrong


def _service(body: Mapping[str, Any]) -> Service:
    profile = _Profile(body)
    if body.get("active") is False:
        raise ValueError("is not active.")
    return Service(
        id=_needed(body, "id"),
        kind=Kind(profile.one("kind")),
        name=_needed(body, "name"),
        short_name=_neutral(profile.one("shortName")),
        for_whom=_needed(body, "comment"),
        hours=profile.one("hours"),
        phone=_phone(body),
        reply_hours=profile.one("replyHours"),
        endpoint=_endpoint(profile.one("endpoint")),
        sexes=frozenset(Sex(code) for code in profile.all("sex")),
        age_from=profile.one("ageFrom", 0),
        age_to=next(iter(profile.all("ageTo")), None),
        needs_children_or_pregnancy=profile.one("needsChildrenOrPregnancy", False),
        settings=frozenset(Setting(code) for code in profile.all("setting")),
        takes_past=profile.one("takesPast", True),
        takes_current=profile.one("takesCurrent", True),
        contact_rules_signed=profile.one("contactRulesSigned", False),
    )


class _Profile:
    """The sub-extensions of the one service-profile extension, by their short name."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        profiles = [e for e in body.get("extension", ()) if e.get("url") == SERVICE_PROFILE]
        if len(profiles) != 1:
            raise ValueError(f"needs exactly one extension {SERVICE_PROFILE}.")
        self._parts: list[Mapping[str, Any]] = profiles[0].get("extension", [])
        for part in self._parts:
            if _VALUES.get(part["url"]) not in part:
                raise ValueError(f"has an extension '{part['url']}' that is unknown or of the wrong type.")

    def all(self, name: str) -> list[Any]:
        """Every value of that name."""
        return [part[_VALUES[name]] for part in self._parts if part["url"] == name]

    def one(self, name: str, default: Any = None) -> Any:
        """Its one value, else the default; ValueError where there is neither, or more than one."""
        values = self.all(name) or ([] if default is None else [default])
        if len(values) != 1:
            raise ValueError(f"needs exactly one '{name}'.")
        return values[0]


def _needed(body: Mapping[str, Any], element: str) -> str:
    if not body.get(element):
        raise ValueError(f"has no '{element}'.")
    return str(body[element])


def _neutral(short_name: str) -> str:
    """The short name stands on a visible screen and in the record."""
    if word := topic_word(short_name):
        raise ValueError(f"its short name must be neutral, without '{word}'.")
    return short_name


def _phone(body: Mapping[str, Any]) -> str:
    phones = [t["value"] for t in body.get("telecom", ()) if t.get("system") == "phone" and t.get("value")]
    if not phones:
        raise ValueError("has no telephone number.")
    return str(phones[0])


def _endpoint(url: str) -> str:
    """What is sent there tells how a person can be reached: never in clear text over a network."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url.rstrip("/")
    raise ValueError("its endpoint must be an https address.")
