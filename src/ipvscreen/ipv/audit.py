"""The audit log as such: the chain that binds its rows, and what breaks it; its acts are in `ipv.acts`."""

import hmac
import json
from dataclasses import astuple, dataclass, replace
from enum import StrEnum
from hashlib import sha256

from ipvscreen.ipv.acts import POSTED as POSTED
from ipvscreen.ipv.acts import Act as Act

LISTS = "lists"  # the chain of what is no visit: a clinician without a patient
LOG = "*"  # all chains together; no visit is called so
KEEPING = "keeping"  # the chain of what whoever operates the app deletes, or the app each day


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it lies in the table, whatever its columns hold by now.

    `seq` counts the whole log from 1, `number` the rows of `chain` (a visit, `LISTS`, `KEEPING`). `key`
    names the audit key; `previous` is the MAC of the row before in its chain, empty for the first; `body` is
    sealed.
    """

    seq: int
    chain: str
    number: int
    at: str
    act: str
    ehr: str
    user_index: str
    body: str
    key: str
    previous: str
    mac: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """How many rows there are, and what they end with: a chain with the last MAC, the log with its total."""

    count: int = 0
    mac: str = ""


class Kind(StrEnum):
    """What is wrong with a row, a chain or the log."""

    DELETED = "deleted"
    REORDERED = "reordered"
    EDITED = "edited or added"
    CUT_OFF = "cut off"
    CHAIN_MISSING = "chain missing"
    HEAD = "sealed count does not fit"
    KEY = "its key is not there"
    ANCHOR = "anchor not reached"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something broken: in which chain ("" for the log as a whole), and at which of its rows, if at one."""

    kind: Kind
    chain: str = ""
    number: int | None = None


def sealed_by(key: bytes, row: Row) -> Row:
    """The row with its MAC: HMAC-SHA-256 over every other column, the MAC of the row before among them."""
    # repr: whoever tampers may leave a type in a column that JSON does not know
    content = json.dumps(astuple(replace(row, mac="")), default=repr).encode()
    return replace(row, mac=hmac.new(key, content, sha256).hexdigest())


def total_after(key: bytes, total: str, row: Row) -> str:
    """What the whole log leads to with that row at its end."""
    return hmac.new(key, f"{total} {row.mac}".encode(), sha256).hexdigest()
