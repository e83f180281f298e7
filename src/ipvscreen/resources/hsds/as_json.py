"""HSDS as JSON (one service, a list, or a page of an API) → records; ValueError for a file that is broken."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ipvscreen.resources.hsds.limits import decoded
from ipvscreen.resources.hsds.node import Node

DEEPEST = 64  # objects and lists within each other
LONGEST_NUMBER = 40  # characters
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(r"[][{}]")


def parsed(name: str, raw: bytes) -> Any:
    """The JSON of a file; ValueError with a plain sentence where it is none."""
    text = decoded(name, raw)
    if _depth(text) > DEEPEST:
        raise ValueError(f"{name}: is nested more than {DEEPEST} levels deep.")
    try:
        return json.loads(
            text, object_pairs_hook=_object, parse_int=_number, parse_float=_number, parse_constant=_none
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"{name}: is not JSON: line {error.lineno}, column {error.colno}.") from None
    except ValueError as wrong:
        raise ValueError(f"{name}: {wrong}") from None


def services_in(name: str, body: Any) -> tuple[Node, ...]:
    """The services of that JSON, each with its path; ValueError where there are none to be found."""
    nodes = tuple(_services(body, ""))
    if not nodes:
        raise ValueError(f"{name}: holds no services: neither 'contents' nor a list nor one service.")
    return nodes


def _services(body: Any, path: str) -> Iterator[Node]:
    if isinstance(body, list):
        for number, one in enumerate(body):
            yield from _services(one, f"{path}[{number}]")
    elif isinstance(body, dict):
        lists = [key for key in ("contents", "services") if isinstance(body.get(key), list)]
        for key in lists:
            yield from _services(body[key], f"{path}.{key}".lstrip("."))
        if not lists and body:
            yield _node(body, path or "service")
    else:
        yield Node(path or "file", {}, odd="is not an object.")


def _node(body: dict[str, Any], path: str) -> Node:
    texts: dict[str, str] = {}
    below: dict[str, tuple[Node, ...]] = {}
    for key, value in body.items():
        if isinstance(value, dict | list):
            listed = value if isinstance(value, list) else [value]
            below[key] = tuple(_below(listed, f"{path}.{key}", single=isinstance(value, dict)))
        elif value is not None:
            texts[key] = _text(value)
    return Node(path, texts, below)


def _below(listed: Iterable[Any], path: str, *, single: bool) -> Iterator[Node]:
    for number, one in enumerate(listed):
        place = path if single else f"{path}[{number}]"
        yield _node(one, place) if isinstance(one, dict) else Node(place, {}, odd="is not an object.")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).strip()


def _depth(text: str) -> int:
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("has an object that holds one name twice.")
    return found


def _number(text: str) -> str:
    """As it is written: nothing is calculated with it, and a long one takes long to read."""
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"holds a number of more than {LONGEST_NUMBER} characters.")
    return text


def _none(name: str) -> None:
    raise ValueError(f"holds {name}, which is not a number in JSON.")
