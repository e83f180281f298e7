"""A Questionnaire file → JSON; refused when it is no such thing, or too large or too deep to be read."""

import re
from collections.abc import Iterator
from typing import Any

from ipvscreen.errors import FormRefused
from ipvscreen.sdc.strict import strict_json

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
    try:
        body = strict_json(text)
    except ValueError as wrong:
        raise _refuse(str(wrong)) from None
    if not isinstance(body, dict):
        raise _refuse("must be a JSON object.")
    if any(_NO_TEXT.search(text) for text in _texts(body)):
        raise _refuse("holds a character that no text may hold.")
    return body


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


def _refuse(sentence: str) -> FormRefused:
    return FormRefused("Questionnaire", sentence)
