"""Who else may read this record, or answers what the patient seems to be reached by: a warning, no finding.

R4 has no element that says who reads a record online for somebody else. A related person with a role that
may act for the patient, or whose relationship is written down as a proxy's, may be one. That nobody is named
proves nothing; the pages say when it could not be looked up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ipvscreen.ipv.referral import ContactWay

_SAME_DIGITS = 9  # +44 7700 900123 and 07700 900123 are one number; so are two with another country's prefix
_FEWEST = 6


class Way(StrEnum):
    """What can be shared."""

    PHONE = "phone"
    EMAIL = "email"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Reach:
    """How somebody can be reached, as the record has it; an address is its first line and its postal code."""

    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    addresses: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Relative:
    """A related person or an emergency contact; `proxy` where the record says that they may act."""

    reach: Reach
    proxy: bool = False


@dataclass(frozen=True, slots=True)
class Contacts:
    """What the record says; `read` is False where the related people could not be read.

    `shared`: in what the patient's own details are also somebody else's. `others`: the details of the others,
    in one spelling, to hold against what is typed.
    """

    read: bool = False
    proxy: bool = False
    shared: frozenset[Way] = frozenset()
    others: frozenset[str] = field(default=frozenset(), repr=False)


def contacts_of(own: Reach, relatives: Sequence[Relative], *, read: bool) -> Contacts:
    """What is to be warned of."""
    mine = set(_marks(own))
    theirs = {mark for one in relatives for mark in _marks(one.reach)}
    shared = frozenset(Way(mark.partition(":")[0]) for mark in mine & theirs)
    return Contacts(read, any(one.proxy for one in relatives), shared, frozenset(theirs))


def belongs_to_another(contacts: Contacts, way: ContactWay, typed: str) -> bool:
    """Whether what was typed for that way is a detail of somebody else in the record."""
    if way is ContactWay.EMAIL:
        return _mark(Way.EMAIL, typed.strip().lower()) in contacts.others
    if way is ContactWay.LETTER:
        said = _plain(typed)
        places = (mark.split(":")[1:] for mark in contacts.others if mark.startswith(f"{Way.ADDRESS}:"))
        return any(all(part in said for part in parts) for parts in places)
    return _mark(Way.PHONE, _digits(typed)) in contacts.others


def _marks(reach: Reach) -> Iterable[str]:
    for phone in reach.phones:
        if len(_digits(phone)) >= _FEWEST:
            yield _mark(Way.PHONE, _digits(phone))
    for email in reach.emails:
        yield _mark(Way.EMAIL, email.strip().lower())
    for line, code in reach.addresses:
        if _plain(line) and _plain(code):  # a town alone, or a street alone, is shared by many
            yield _mark(Way.ADDRESS, f"{_plain(line)}:{_plain(code)}")


def _mark(way: Way, text: str) -> str:
    return f"{way}:{text}"


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdecimal())[-_SAME_DIGITS:]


def _plain(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())
