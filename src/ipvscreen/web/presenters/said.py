"""What a stored QuestionnaireResponse says, line by line."""

from collections.abc import Iterator, Mapping
from typing import Any

from ipvscreen.messages import joined, message
from ipvscreen.sdc.answering.values import shown
from ipvscreen.sdc.response import DATA_ABSENT_REASON

_PASSED = message("Passed")


def said_lines(items: object) -> Iterator[tuple[str, str]]:
    """Question and answer in the words of the record, in their order."""
    for item in items if isinstance(items, list) else ():
        answers = item.get("answer") or []
        values = [shown(value) for one in answers if (value := _value(one))]
        passed = any(one.get("url") == DATA_ABSENT_REASON for one in item.get("extension") or ())
        if values or passed:
            words = joined(", ", values) if values else _PASSED
            yield str(item.get("text") or item.get("linkId", "")), words
        yield from said_lines(item.get("item"))
        for one in answers:
            yield from said_lines(one.get("item"))


def _value(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name.startswith("value")}
