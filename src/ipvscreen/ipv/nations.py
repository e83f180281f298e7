"""What differs from nation to nation: the line to ring, and on what basis something may be shared."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

# What the record says of it, in neutral words; `resources.terminology.Basis` has the same.
BASES = ("serious-harm", "child", "court", "other")
SIGNED = frozenset({"signed_by", "signed_on"})
_KEYS = frozenset({"helpline", "source", "ground"}) | SIGNED
_GROUND_KEYS = frozenset({"basis", "words", "source"})


@dataclass(frozen=True, slots=True)
class Ground:
    """What the law there says to sharing without agreement: `basis` is one of ours, `source` is cited."""

    code: str
    basis: str
    words: str
    source: str


@dataclass(frozen=True, slots=True)
class Nation:
    """One table of packs.toml; `source` says where its telephone number stands.

    `draft`: nobody who answers for it has signed it.
    """

    name: str
    helpline: str
    source: str
    grounds: tuple[Ground, ...]
    draft: bool = True


def nations_of(tables: Mapping[str, Any]) -> dict[str, Nation]:
    """The tables `[nation.…]` by name; ValueError names the nation and says what is wrong."""
    return {name: _nation(name, body) for name, body in tables.items()}


def _nation(name: str, body: Any) -> Nation:
    try:
        _only(body, _KEYS)
        grounds = tuple(_ground(code, one) for code, one in body["ground"].items())
        return Nation(name, _words(body, "helpline"), _words(body, "source"), grounds, is_draft(body))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"nation.{name}: {error} is missing, or not what it should be.") from None
    except ValueError as error:
        raise ValueError(f"nation.{name}: {error}") from None


def is_draft(body: Mapping[str, Any]) -> bool:
    """Whether nobody has signed that table; KeyError or ValueError for half a signature."""
    if not SIGNED & body.keys():
        return True
    _words(body, "signed_by")
    if type(body["signed_on"]) is not date:
        raise ValueError("'signed_on' must be a day.")
    return False


def _ground(code: str, body: Any) -> Ground:
    _only(body, _GROUND_KEYS)
    if body["basis"] not in BASES:
        raise ValueError(f"'basis' of {code} must be one of {', '.join(BASES)}.")
    return Ground(code, body["basis"], _words(body, "words"), _words(body, "source"))


def _only(body: Any, known: frozenset[str]) -> None:
    if unknown := sorted(set(body.keys()) - known):
        raise ValueError(f"'{unknown[0]}' is not known.")


def _words(body: Any, key: str) -> str:
    value = body[key]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"'{key}' must be words.")
    return value
