"""A service of the directory: FHIR HealthcareService with our profile's extension ↔ ipv Service.

Shape: `name` (official), `comment` (for whom, one sentence), `telecom` of system phone, and one extension
`service-profile` with the sub-extensions of `service_parts.PARTS`. Nothing else is read, and only what is
read is kept.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from ipvscreen.ipv.services import Service
from ipvscreen.resources.endpoint import safe_endpoint, safe_token_url
from ipvscreen.resources.hiding import hidden
from ipvscreen.resources.model import checked
from ipvscreen.resources.neutral import topic_word
from ipvscreen.resources.plain import plain
from ipvscreen.resources.service_parts import PARTS, Part, raw_of, value_of
from ipvscreen.resources.terminology import BASE

SERVICE_PROFILE = f"{BASE}/StructureDefinition/service-profile"
_SIGNED = {"url": "contactRulesSigned"}  # a yes without a day, of an earlier version: it opens nothing
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")  # http://hl7.org/fhir/R4/datatypes.html#id
_PHONE = re.compile(r"\+?[\d ()./-]{3,30}(?: ext\. \d{1,6})?")
_TEXTS = (
    *("name", "short_name", "for_whom", "hours", "phone", "area_words"),
    *("supervision", "clinical_partner", "other_support", "token_client", "token_scope"),
)
_WHERE = ("location", "coverageArea", "contained", "extraDetails", "photo")


def service_of(resource: Mapping[str, Any]) -> Service:
    """The service of a file; ValueError with a plain sentence that names it and says what is wrong."""
    name = resource.get("name") or "A service without a name"
    try:
        if resource.get("resourceType") != "HealthcareService":
            raise ValueError("is not a HealthcareService.")
        body = checked(resource)
        if body.get("active") is False:
            raise ValueError("is not active.")
        return sound(kept_service(body))
    except ValidationError as invalid:
        first = invalid.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{name}: is not valid FHIR R4 at '{where}': {first['msg']}.") from invalid
    except ValueError as wrong:
        raise ValueError(f"{name}: {wrong}") from wrong


def kept_service(body: Mapping[str, Any]) -> Service:
    """The service of a resource that was `sound` when it was imported; ValueError where a part is wrong."""
    return Service(
        id=_needed(body, "id"),
        name=_needed(body, "name"),
        for_whom=_needed(body, "comment"),
        phone=_phone(body),
        **({"endpoint": ""} | _profile(body)),
    )


def places_told(resource: Mapping[str, Any]) -> tuple[str, ...]:
    """The elements of a resource that may say where a service is; none of them is kept."""
    return tuple(name for name in _WHERE if resource.get(name))


def resource_of(service: Service) -> dict[str, Any]:
    """What is kept of it: every field of Service, and nothing else that a file may have held."""
    parts = [
        {"url": part.name, part.shape.value: raw_of(value)}
        for part in PARTS.values()
        for value in _listed(part, service)
    ]
    return {
        "resourceType": "HealthcareService",
        "id": service.id,
        "extension": [{"url": SERVICE_PROFILE, "extension": parts}],
        "active": True,
        "name": service.name,
        "comment": service.for_whom,
        "telecom": [{"system": "phone", "value": service.phone}],
    }


def sound(service: Service, lines: Iterable[str] = ()) -> Service:
    """The service, once what no table can say of it holds; ValueError with a plain sentence.

    `lines`: as in `hidden`.
    """
    texts: dict[str, Any] = {name: _plain(name, getattr(service, name)) for name in _TEXTS}
    service = replace(service, **texts)
    if not _ID.fullmatch(service.id):
        raise ValueError("its id may hold letters, digits, '-' and '.', 64 at most.")
    if word := topic_word(service.short_name):
        raise ValueError(f"its short name must be neutral, without '{word}'.")
    if not _PHONE.fullmatch(service.phone):
        raise ValueError("its telephone number is not a number.")
    _bounds(service)
    endpoint = safe_endpoint(service.endpoint) if service.endpoint else ""
    _tokens(service)
    return hidden(replace(service, endpoint=endpoint), lines)


def _tokens(service: Service) -> None:
    named = (service.token_url, service.token_client, service.token_scope)
    if any(named) and not all((*named, service.endpoint)):
        raise ValueError("its token address, client and scope go together, and with an endpoint.")
    if service.token_url:
        safe_token_url(service.token_url, service.endpoint)


def _plain(name: str, text: str) -> str:
    try:
        return plain(text)
    except ValueError as wrong:
        raise ValueError(f"its {name.replace('_', ' ')} {wrong}.") from None


def _bounds(service: Service) -> None:
    ages = ((service.age_from, service.age_to), (service.child_age_from, service.child_age_to))
    if any(last is not None and last < first for first, last in ages):
        raise ValueError("its greatest age is below its least.")
    if service.risk_from and service.risk_to and service.risk_to.rank < service.risk_from.rank:
        raise ValueError("its highest risk is below its lowest.")


def _listed(part: Part, service: Service) -> list[Any]:
    """The values of a part that are worth a line: not what Service has by itself."""
    value = getattr(service, part.field)
    if part.many:
        return sorted(value)
    by_itself = "" if part.field == "endpoint" else Service.__dataclass_fields__[part.field].default
    return [] if value == by_itself else [value]


def _profile(body: Mapping[str, Any]) -> dict[str, Any]:
    """The sub-extensions of the one service-profile extension, by the field of Service."""
    profiles = [one for one in body.get("extension", ()) if one.get("url") == SERVICE_PROFILE]
    if len(profiles) != 1:
        raise ValueError(f"needs exactly one extension {SERVICE_PROFILE}.")
    raw: dict[str, list[Any]] = {}
    for one in profiles[0].get("extension", []):
        part = PARTS.get(one["url"])
        if part and part.shape.value in one:
            raw.setdefault(part.name, []).append(one[part.shape.value])
        elif one["url"] != _SIGNED["url"] or "valueBoolean" not in one:
            raise ValueError(f"has an extension '{one['url']}' that is unknown or of the wrong type.")
    return fields_of(raw, lambda part: part.name)


def fields_of(raw: Mapping[str, list[Any]], label: Callable[[Part], str]) -> dict[str, Any]:
    """The fields of Service for values by the part's name; `label`: what its file calls a part.

    ValueError where a value is wrong, twice, or missing.
    """
    found: dict[str, Any] = {}
    for part in PARTS.values():
        values = raw.get(part.name, [])
        said = label(part)
        if (len(values) > 1 and not part.many) or (part.needed and not values):
            raise ValueError(f"needs exactly one '{said}'.")
        try:
            read = [value_of(part, value) for value in values]
        except ValueError as wrong:
            raise ValueError(f"its '{said}' {wrong}.") from None
        if read:
            found[part.field] = frozenset(read) if part.many else read[0]
    return found


def _needed(body: Mapping[str, Any], element: str) -> str:
    if not body.get(element):
        raise ValueError(f"has no '{element}'.")
    return str(body[element])


def _phone(body: Mapping[str, Any]) -> str:
    phones = [t["value"] for t in body.get("telecom", ()) if t.get("system") == "phone" and t.get("value")]
    if not phones:
        raise ValueError("has no telephone number.")
    return str(phones[0])
