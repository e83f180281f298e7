"""The audit log as such: acts in neutral words, rows that one MAC after the other binds, and faults."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from enum import StrEnum
from hashlib import sha256

from ipvscreen.ipv.visit import Step

LISTS = "lists"  # the chain of what is no visit: a clinician without a patient
LOG = "*"  # all chains together; no visit is called so
KEEPING = "keeping"  # the chain of what whoever operates the app deletes, or the app each day


class Act(StrEnum):
    """What somebody did, as far as whoever reads a log may know: no answer, and nothing of the topic."""

    OPENED = "opened"
    BEGUN = "begun"
    EARLIER_OPENED = "earlier-opened"
    EARLIER_READ = "earlier-read"
    CHANGED = "changed"
    TAKEN_BACK = "taken-back"
    HIDDEN = "hidden"
    STOPPED = "stopped"
    KEPT = "kept"
    SAVED = "saved"
    CALLED = "called"
    SENT = "sent"
    PUT_OFF = "put-off"
    NOTED = "noted"
    CLOSED = "closed"
    WENT_ON = "went-on"
    LIST_OPENED = "list-opened"
    LIST_SHOWN = "list-shown"
    LIST_CLOSED = "list-closed"
    PROTECTION_LOST = "protection-lost"
    PURGED = "purged"
    FORGOTTEN = "forgotten"
    INVITED = "invited"
    INVITED_AGAIN = "invited-again"
    JOINED = "joined"
    SIGNED_IN = "signed-in"
    SIGNED_OUT = "signed-out"
    KEY_ADDED = "key-added"
    KEY_ENDED = "key-ended"
    MEMBER_ENDED = "member-ended"
    ORGANISATION_ADDED = "organisation-added"
    PROPOSED = "proposed"
    AGREED = "agreed"
    PROPOSAL_STOPPED = "proposal-stopped"


# What posting the form of a page is; a page with several buttons may say it better.
POSTED: Mapping[Step, Act] = {
    Step.START: Act.BEGUN,
    Step.QUESTIONS: Act.SAVED,
    Step.RESPOND: Act.SAVED,
    Step.FORM: Act.KEPT,
    Step.OWN: Act.KEPT,
    Step.DANGER: Act.CALLED,
    Step.REFER: Act.SENT,
    Step.SHARE: Act.SENT,
    Step.SENT: Act.KEPT,
    Step.DONE: Act.SAVED,
    Step.NOT_NOW: Act.PUT_OFF,
    Step.FINISH: Act.CLOSED,
    Step.EARLIER: Act.KEPT,
}


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
