"""What is wrong with a value that was typed, as one sentence that says what to do instead."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from typing import Any

import re2  # type: ignore[import-untyped]  # it has no types

from ipvscreen.messages import clock_said, day_said, joined, message
from ipvscreen.sdc.answering.compare import order
from ipvscreen.sdc.answering.values import Element, posted_unit, to_fhir, unit_of
from ipvscreen.sdc.form import Item

WHOLE = message("Enter a whole number, such as 3.")
NUMBER = message("Enter a number, such as 2.5.")
DAY = message("Enter a date that exists, as year-month-day, such as 2024-05-31.")
MOMENT = message("Enter a date and a time that exist, such as 2024-05-31T14:30.")
TIME = message("Enter a time of day, such as 14:30.")
ADDRESS = message("Enter a web address, such as https://example.org/page.")
REFERENCE = message("Enter the type and the number of a record, such as Patient/123.")
UNIT = message("Choose a unit.")
PATTERN = message("This is not in the form that is asked for.")

# FHIR R4 data types (https://hl7.org/fhir/R4/datatypes.html): ASCII digits only, an integer of 32 bits.
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
_DAY = re.compile(r"([0-9]{4})(-[0-9]{2})?(-[0-9]{2})?")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
_REFERENCE = re.compile(r"(https?://[^\s?#]+/)?([A-Z][A-Za-z]{1,63})/[A-Za-z0-9.-]{1,64}")
_MOST_DIGITS = 15  # what a number in JSON holds exactly wherever it is read
_LARGEST = 2**31 - 1


def mistake(item: Item, posted: str, *, unit: str | None = None, zone: tzinfo = UTC) -> str | None:
    """What is wrong with one value; None where nothing is. Whether an option is offered is not asked here."""
    wrong = _MALFORMED.get(item.type, _nothing)(posted)
    if wrong is None and item.type == "quantity":
        wrong = _unit(item, unit)
    if wrong is None and item.type == "reference":
        wrong = _target(item, posted)
    if wrong is not None:
        return wrong
    return next(_outside(item, posted, to_fhir(item, posted, unit=unit, zone=zone)), None)


def _nothing(_: str) -> None:
    return None


def _whole(posted: str) -> str | None:
    if not _INTEGER.fullmatch(posted) or posted == "-0":
        return WHOLE
    return (
        None
        if len(posted) <= 11 and abs(int(posted)) <= _LARGEST
        else message("Enter a number of at most {limit}.", limit=_LARGEST)
    )


def _number(posted: str) -> str | None:
    if not _DECIMAL.fullmatch(posted):
        return NUMBER
    digits = sum(character.isdigit() for character in posted)
    return (
        None
        if digits <= _MOST_DIGITS
        else message("Enter a number of at most {most} digits.", most=_MOST_DIGITS)
    )


def _parsed(
    pattern: re.Pattern[str], parse: Callable[[str], Any], sentence: str
) -> Callable[[str], str | None]:
    def wrong(posted: str) -> str | None:
        try:
            return None if pattern.fullmatch(posted) and parse(posted) is not None else sentence
        except ValueError:
            return sentence

    return wrong


def _day(posted: str) -> date:
    return date.fromisoformat(posted + "-01-01"[len(posted) - 10 :] if len(posted) < 10 else posted)


def _moment(posted: str) -> datetime | date:
    return datetime.fromisoformat(posted) if "T" in posted else _day(posted)


def _unit(item: Item, unit: str | None) -> str | None:
    wanted = bool(item.units or item.unit)
    return UNIT if wanted and unit_of(item, unit) is None else None


def _target(item: Item, posted: str) -> str | None:
    found = _REFERENCE.fullmatch(posted)
    if found and item.references and found[2] not in item.references:
        return message("Enter a record of the type {types}.", types=joined(message(" or "), item.references))
    return None


def _outside(item: Item, posted: str, element: Element) -> Iterator[str]:
    """Each limit of the item that the value breaks."""
    if item.min_length is not None and len(posted) < item.min_length:
        yield message("Enter at least {least} characters.", least=item.min_length)
    if item.max_length is not None and len(posted) > item.max_length:
        yield message("Enter at most {most} characters.", most=item.max_length)
    if item.regex is not None and not re2.fullmatch(item.regex, posted):
        yield PATTERN
    yield from _decimals(item, posted)
    yield from _bound(item, element, item.min_value, less=True)
    yield from _bound(item, element, item.max_value, less=False)


def _decimals(item: Item, posted: str) -> Iterator[str]:
    most = item.max_decimal_places
    if most is not None and item.type in ("decimal", "quantity") and len(posted.partition(".")[2]) > most:
        yield message("Enter at most {most} decimal places.", most=most) if most else WHOLE


def _bound(item: Item, element: Element, bound: Element | None, *, less: bool) -> Iterator[str]:
    if bound is None:
        return
    found = order(element, bound)
    if found is None:
        yield message("This cannot be compared with {limit}.", limit=said(bound))
    elif found == (-1 if less else 1):
        least, most = _LIMITS.get(item.type, _NUMBERS)
        yield (least if less else most).given(limit=said(bound))


def said(element: Element) -> str:
    """An element in words."""
    ((name, value),) = element.items()
    if name == "valueQuantity":
        return f"{value.get('value')} {value.get('unit') or posted_unit(element)}".strip()
    if name in ("valueDate", "valueDateTime"):
        return _date_said(value)
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _date_said(value: str) -> str:
    day, _, clock = value.partition("T")
    if len(day) < 10:
        return day
    words = day_said(date.fromisoformat(day))
    return joined(", ", (words, clock_said(datetime.fromisoformat(value)))) if clock else words


_NUMBERS = (message("Enter a number of at least {limit}."), message("Enter a number of at most {limit}."))
_DATES = (message("Enter a date of at least {limit}."), message("Enter a date of at most {limit}."))
_LIMITS = {
    "date": _DATES,
    "dateTime": _DATES,
    "time": (message("Enter a time of at least {limit}."), message("Enter a time of at most {limit}.")),
}
_MALFORMED: Mapping[str, Callable[[str], str | None]] = {
    "integer": _whole,
    "decimal": _number,
    "quantity": _number,
    "date": _parsed(_DAY, _day, DAY),
    "dateTime": _parsed(re.compile(f"({_MOMENT.pattern})|({_DAY.pattern})"), _moment, MOMENT),
    "time": _parsed(_TIME, time.fromisoformat, TIME),
    "url": _parsed(_ADDRESS, str, ADDRESS),
    "reference": _parsed(_REFERENCE, str, REFERENCE),
}
