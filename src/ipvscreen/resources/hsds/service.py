"""One HSDS service → ipv Service: HSDS's own elements, and attributes with terms of ours; free text is shown
and never read as a rule."""

import re
from collections.abc import Iterator
from typing import Any

from ipvscreen.ipv.services import Service
from ipvscreen.resources.directory import fields_of, sound
from ipvscreen.resources.hsds.attributes import part_of, values_of
from ipvscreen.resources.hsds.node import Node

_VOICE = frozenset({"", "voice", "cell"})  # RFC 6350, as HSDS has it; not fax, text, pager, textphone
_TIMES = re.compile(r"(\d{2}:\d{2})(?::\d{2})?(?:Z|[+-]\d{2}:?\d{2})?")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_DAYS = {"MO": "Mon", "TU": "Tue", "WE": "Wed", "TH": "Thu", "FR": "Fri", "SA": "Sat", "SU": "Sun"}
_READ = (
    *("attributes", "phones", "schedules", "languages", "service_areas"),
    *("service_at_locations", "organization"),
)
_LINES = ("address_1", "address_2", "postal_code")


def service_of_node(node: Node) -> Service:
    """The service; ValueError with a plain sentence, which names the place where it is another's."""
    _whole(node)
    if (status := node.text("status")) != "active":
        raise ValueError(f"its status is '{status[:40]}', not 'active'.")
    for one in node.walk("attributes"):
        if one not in node.all("attributes") and part_of(one):
            raise ValueError(f"{one.place}: has a term of ours; such a term belongs to a service.")
    raw = values_of(node.all("attributes")) | dict(_own(node))
    service = Service(
        id=_needed(node, "id"),
        name=_needed(node, "name"),
        for_whom=node.text("eligibility_description") or _needed(node, "description"),
        phone=_phone(node),
        **({"endpoint": ""} | fields_of(raw, lambda part: part.term or part.element)),
    )
    return sound(service, address_lines(node))


def _whole(node: Node) -> None:
    """ValueError where the record, or one that is read with it, is none."""
    if node.odd:
        raise ValueError(node.odd)
    for one in (one for name in _READ for one in node.all(name) if one.odd):
        raise ValueError(f"{one.place}: {one.odd}")


def address_lines(node: Node) -> tuple[str, ...]:
    """The lines that say where, in whatever address came with the service."""
    return tuple(line for one in node.walk("addresses") for name in _LINES if (line := one.text(name)))


def _own(node: Node) -> Iterator[tuple[str, list[Any]]]:
    """Values of HSDS's own elements by part of the profile."""
    found: dict[str, list[Any]] = {
        "hours": [_hours(node)],
        "ageFrom": _years(node, "minimum_age"),
        "ageTo": _years(node, "maximum_age"),
        "checkedOn": [node.text("assured_date")],
        "language": _languages(node),
        "areaWords": ["; ".join(_named(node, "service_areas"))],
    }
    for name, values in found.items():
        if kept := [value for value in values if value != ""]:
            yield name, kept


def _needed(node: Node, name: str) -> str:
    if not node.text(name):
        raise ValueError(f"has no '{name}'.")
    return node.text(name)


def _years(node: Node, name: str) -> list[int]:
    text = node.text(name)
    if not text:
        return []
    if not re.fullmatch(r"\d{1,3}(?:\.0+)?", text):
        raise ValueError(f"its '{name}' is not a whole number of years.")
    return [int(text.partition(".")[0])]


def _languages(node: Node) -> list[str]:
    """Those with a code; a name alone cannot be compared."""
    codes = [one.text("code") for one in node.all("languages")]
    return sorted({code for code in codes if _LANGUAGE.fullmatch(code)})


def _named(node: Node, name: str) -> list[str]:
    return [text for one in node.all(name) if (text := one.text("name"))]


def _phone(node: Node) -> str:
    """Of the service; else of where it is given; else of the organisation. Never of a named contact."""
    at = [phone for one in node.all("service_at_locations") for phone in one.all("phones")]
    of = [phone for one in node.all("organization") for phone in one.all("phones")]
    for one in (*node.all("phones"), *at, *of):
        if one.text("number") and one.text("type").lower() in _VOICE:
            extension = one.text("extension")
            number = one.text("number").strip('"').strip()
            return f"{number} ext. {extension}" if extension else number
    raise ValueError("has no telephone number.")


def _hours(node: Node) -> str:
    at = [hours for one in node.all("service_at_locations") for hours in one.all("schedules")]
    said = [text for one in (*node.all("schedules"), *at) if (text := _when(one))]
    return "; ".join(dict.fromkeys(said))


def _when(schedule: Node) -> str:
    if text := schedule.text("description"):
        return text
    opens, closes = (_TIMES.fullmatch(schedule.text(name)) for name in ("opens_at", "closes_at"))
    days = [_DAYS.get(day.strip().upper(), "") for day in schedule.text("byday").split(",")]
    if not (opens and closes and all(days)):
        return ""
    return f"{', '.join(days)} {opens[1]}–{closes[1]}"
