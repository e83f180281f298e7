"""Other people: who else may read or answer, whether the other person is known here, and children.

All of it is for the clinician alone: it stands on pages after the gate, folded where a page may be seen.
"""

from dataclasses import dataclass

from ipvscreen.ipv.assessment import Assessment, Danger
from ipvscreen.ipv.draft import Known
from ipvscreen.ipv.proxies import Contacts, Way
from ipvscreen.messages import message
from ipvscreen.web.words import NOT_SET

_PROXY = message(
    "The record names somebody who may act for this patient, and who may read it online. Ask who reads it"
    " before you agree how this is recorded."
)
_UNREAD = message("Who else may read this record, or shares its telephone, could not be looked up here.")
_SHARED = {
    Way.PHONE: message(
        "The telephone number in this record also belongs to a contact in the record. Do not use it."
    ),
    Way.EMAIL: message(
        "The email address in this record also belongs to a contact in the record. Do not use it."
    ),
    Way.ADDRESS: message(
        "The address in this record is also that of a contact in the record. Send nothing there unasked."
    ),
}
_NOT_OPENED = message(
    "The other person's record is not opened from here, and nothing is written in it. Say nothing to them."
)
_ONE_OF_TWO = message("If you see both, let a colleague take one of the two.")
_SEEN_BY = message("Who may see restricted entries here: {who}")
_STAFF = (
    message("Refer to a service outside, not to one within your organisation, and use no internal mail."),
    message("Ask for the report of who has opened this record, and for a limit on who may."),
    message("Offer a clinician who does not work with the other person."),
)
_KNOWN = {
    None: message("Not asked"),
    Known.NO: message("No"),
    Known.REGISTERED: message("Yes, registered here"),
    Known.STAFF: message("Yes, works here or is related to staff"),
}
_CHILDREN = message(
    "Raise a task for the safeguarding lead ({lead}) today. A human decides and writes in the child's own"
    " record: this app never does, and does not name the child in this one."
)
_COPY = message("Please look at this household with me: there is a concern about a child.")
# UK extension of SNOMED CT; each is a proposal, with when it fits.
_CHILD_CODES = (
    ("836881000000105", "Child is cause for safeguarding concern"),
    ("1064961000000107", "Child in family is safeguarding concern"),
)
_UNBORN = ("878111000000109", "Unborn child is cause for safeguarding concern")
_UK = (
    (
        "1364731000000104",
        "Enhanced review indicated before granting access to own health record",
        message(
            "When somebody should look before online access is given. It does not change access that was"
            " already given."
        ),
    ),
    (
        "417430008",
        "Vulnerable adult",
        message("When adult safeguarding is involved, after your own process."),
    ),
    ("761571000000106", "At risk of financial abuse", message("When money is withheld or taken, now.")),
)


@dataclass(frozen=True, slots=True)
class Children:
    """What to do about a child; `codes` are proposals, `copy` a text for the task."""

    words: str
    copy: str
    codes: tuple[tuple[str, str], ...]


def contact_words(contacts: Contacts) -> tuple[str, ...]:
    """What the record says of others, or that it could not be asked."""
    return (
        *((_PROXY,) if contacts.proxy else ()),
        *(_SHARED[way] for way in Way if way in contacts.shared),
        *(() if contacts.read else (_UNREAD,)),
    )


def shared_words(contacts: Contacts) -> tuple[str, ...]:
    """What stands beside the safe contact."""
    return tuple(_SHARED[way] for way in Way if way in contacts.shared)


def known_choices(chosen: Known | None) -> tuple[tuple[str, str, bool], ...]:
    """Value, label, whether chosen; "not asked" is the empty value."""
    return tuple((value or "", label, value is chosen) for value, label in _KNOWN.items())


def known_words(known: Known | None, seen_by: str | None) -> tuple[str, ...]:
    """What follows for the clinician; `seen_by` as the deployer has it."""
    if known is None or known is Known.NO:
        return ()
    seen = _SEEN_BY.given(who=seen_by or NOT_SET)
    return (_NOT_OPENED, seen, *(_STAFF if known is Known.STAFF else (_ONE_OF_TWO,)))


def children(assessment: Assessment, lead: str | None, *, uk: bool) -> Children | None:
    """Where children, a pregnancy or a child in danger were mentioned; None where they were not."""
    child = bool(assessment.children) or Danger.CHILD in assessment.dangers
    if not child and not assessment.pregnant:
        return None
    codes = (*(_CHILD_CODES if child else ()), *((_UNBORN,) if assessment.pregnant else ()))
    return Children(_CHILDREN.given(lead=lead or NOT_SET), _COPY, codes if uk else ())


def proposals(*, uk: bool) -> tuple[tuple[str, str, str], ...]:
    """Codes that a human may write, each with when; never written from here."""
    return _UK if uk else ()
