"""FHIRPath's functions on texts; patterns are matched in linear time (re2)."""

from collections.abc import Mapping
from typing import Any

import re2  # type: ignore[import-untyped]  # it has no types
from fhirpathpy.engine.nodes import FP_Quantity

from ipvscreen.sdc.fhirpath.elements import plain, result_of
from ipvscreen.sdc.fhirpath.frames import Fault, Frame, Function, Step, single


def written(_: Frame, data: list[Any]) -> list[Any]:
    value = plain(single(data))
    if isinstance(value, bool):
        return [str(value).lower()]
    if isinstance(value, FP_Quantity):
        return [value.asStr]
    result = result_of(value)
    return [] if result is None or isinstance(result, Mapping) else [str(result)]


def to_boolean(_: Frame, data: list[Any]) -> list[Any]:
    value = plain(single(data))
    wanted = value.lower() if isinstance(value, str) else value
    found = [value for value, texts in _BOOLEANS if wanted in texts]
    return found[:1]


_BOOLEANS = (
    (True, (True, 1, "true", "t", "yes", "y", "1", "1.0")),
    (False, (False, 0, "false", "f", "no", "n", "0", "0.0")),
)


def starts_with(frame: Frame, data: list[Any], start: Step) -> list[Any]:
    text, wanted = _pair(frame, data, start)
    return [] if text is None or wanted is None else [text.startswith(wanted)]


def _pair(frame: Frame, data: list[Any], other: Step) -> tuple[str | None, str | None]:
    """The text and the parameter beside it."""
    found = plain(single(data)), plain(single(other(frame, frame.this)))
    if not all(text is None or isinstance(text, str) for text in found):
        raise Fault("The expression looks into something that is no text.")
    return found


def _pattern(regex: str) -> Any:
    try:
        return re2.compile(regex)
    except re2.error:
        raise Fault("The expression has a pattern that cannot be used.") from None


def matching(around: str) -> Function:
    def matches(frame: Frame, data: list[Any], regex: Step) -> list[Any]:
        text, wanted = _pair(frame, data, regex)
        return (
            []
            if text is None or wanted is None
            else [_pattern(around.format(wanted)).search(text) is not None]
        )

    return matches
