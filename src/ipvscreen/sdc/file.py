"""A Questionnaire file → JSON; refused when it is no such thing, or too large or too deep to be read."""

import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from ipvscreen.errors import FormRefused

LARGEST = 1024 * 1024  # bytes
DEEPEST = 64  # objects and lists within each other
LONGEST_NUMBER = 100  # characters: Python reads long numbers in quadratic time

# Each pair of quotes with what is between them, so that a bracket in a text is not counted as one.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(r"[][{}]")
# http://hl7.org/fhir/R4/datatypes.html#string: none below 32 but tab and ends of lines; no half of a pair.
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def parse(raw: bytes) -> dict[str, Any]:
    """The object in a file; FormRefused where it is not one. Numbers are int or Decimal, as written."""
    if len(raw) > LARGEST:
        raise _refuse(f"is larger than {LARGEST // 1024} KiB.")
    try:
        text = raw.decode("utf-8-sig")  # some editors put a byte order mark before everything
    except UnicodeDecodeError:
        raise _refuse("is not a text in UTF-8.") from None
    if _depth(text) > DEEPEST:
        raise _refuse(f"is nested more than {DEEPEST} levels deep.")
    body = _json(text)
    if not isinstance(body, dict):
        raise _refuse("must be a JSON object.")
    if any(_NO_TEXT.search(text) for text in _texts(body)):
        raise _refuse("holds a character that no text may hold.")
    return body


def _json(text: str) -> object:
    try:
        return json.loads(
            text,
            parse_int=lambda number: int(_short(number)),
            parse_float=_decimal,
            parse_constant=_no_number,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        raise _refuse(f"is not JSON: line {error.lineno}, column {error.colno}.") from None


def _depth(text: str) -> int:
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _refuse(f"has an object that holds '{twice[:50]}' twice.")
    return found


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _decimal(number: str) -> Decimal:
    found = Decimal(_short(number))
    if abs(found.adjusted()) > LONGEST_NUMBER:  # 1e999999999 is short until someone writes it out
        raise _refuse("holds a number that is too large or too small.")
    return found


def _short(number: str) -> str:
    if len(number) > LONGEST_NUMBER:
        raise _refuse(f"holds a number of more than {LONGEST_NUMBER} characters.")
    return number


def _no_number(name: str) -> None:
    raise _refuse(f"holds {name}, which is not a number in JSON.")


def _refuse(sentence: str) -> FormRefused:
    return FormRefused("Questionnaire", sentence)
