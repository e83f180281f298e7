"""JSON as files from outside are read: nothing twice, nothing endless, nothing that is no JSON."""

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

DEEPEST = 64  # objects and lists within each other
LONGEST_NUMBER = 100  # characters: Python reads long numbers in quadratic time

# Each pair of quotes with what is between them, so that a bracket in a text is not counted as one.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(r"[][{}]")


def strict_json(text: str) -> Any:
    """What the text says, numbers as int or Decimal; ValueError, a sentence without its subject, if none."""
    if _depth(text) > DEEPEST:
        raise ValueError(f"is nested more than {DEEPEST} levels deep.")
    try:
        return json.loads(
            text,
            parse_int=lambda number: int(_short(number)),
            parse_float=_decimal,
            parse_constant=_no_number,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: line {error.lineno}, column {error.colno}.") from None


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
        raise ValueError(f"has an object that holds '{twice[:50]}' twice.")
    return found


def _decimal(number: str) -> Decimal:
    found = Decimal(_short(number))
    if abs(found.adjusted()) > LONGEST_NUMBER:  # 1e999999999 is short until someone writes it out
        raise ValueError("holds a number that is too large or too small.")
    return found


def _short(number: str) -> str:
    if len(number) > LONGEST_NUMBER:
        raise ValueError(f"holds a number of more than {LONGEST_NUMBER} characters.")
    return number


def _no_number(name: str) -> None:
    raise ValueError(f"holds {name}, which is not a number in JSON.")
