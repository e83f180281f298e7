"""HSDS as JSON (one service, a list, or a page of an API) → records; ValueError for a file that is broken."""

from collections.abc import Iterable, Iterator
from typing import Any

from ipvscreen.resources.hsds.limits import decoded
from ipvscreen.resources.hsds.node import Node
from ipvscreen.sdc.strict import strict_json


def parsed(name: str, raw: bytes) -> Any:
    """The JSON of a file; ValueError with a plain sentence where it is none."""
    text = decoded(name, raw)
    try:
        return strict_json(text)
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
