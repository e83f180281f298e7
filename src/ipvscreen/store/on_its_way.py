"""Entries on their way into a record: whose, what for, and in whose hands."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ipvscreen.errors import EhrError
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.frozen import known_of
from ipvscreen.resources.written import Found, Written
from ipvscreen.store.visit import Visit


class Purpose(StrEnum):
    """What the entries are for; it decides where their fate is told."""

    ANSWERS = "answers"
    NOT_DONE = "not-done"
    REFERRAL = "referral"


class Then(StrEnum):
    """What becomes of the row."""

    GOES_ON = "goes-on"
    WAITS = "waits"  # for the clinician: nobody goes on with it unaided
    STAYS = "stays"  # told, and kept for another try
    GOES = "goes"


@dataclass(frozen=True, slots=True)
class Writing:
    """Entries of one visit on their way; `lease` shows whose they are, at least `until` then."""

    id: str
    visit_id: str
    purpose: Purpose
    items: tuple[Labelled, ...]
    lease: str
    until: datetime

    def known(self, visit: Visit) -> Written:
        """What the visit says of these entries."""
        told = visit.referred_in_record if self.purpose is Purpose.REFERRAL else visit.written
        return known_of(self.items, told)


@dataclass(frozen=True, slots=True)
class Begun:
    """A visit, and what of it may be sent now; `before` is None for the first try.

    `silent`: why the record system could not be asked what must be known first; then nothing is to be sent.
    `found`: what was there of it just now, of a first try, where that was looked for.
    """

    visit: Visit
    writing: Writing | None = None
    before: Written | None = None
    silent: EhrError | None = None
    found: Mapping[str, Found] | None = None


def new_writing(
    visit_id: str, purpose: Purpose, items: tuple[Labelled, ...], until: datetime, owner: str = ""
) -> Writing:
    """Entries that are not on disk yet; the same `owner` of the same purpose is the same row."""
    return Writing(f"{owner or visit_id}.{purpose}", visit_id, purpose, items, secrets.token_hex(16), until)
