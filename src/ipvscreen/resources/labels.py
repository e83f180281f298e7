"""Security labels: which resource carries which, and whether a server kept them.

Codes and rules: HL7 DS4P implementation guide (exactly one confidentiality code; nothing that reveals a
privacy policy on a Bundle or message) and GP Connect 1.6.2 (NOPAT keeps an entry from the patient's view).
Labels carry no display: "domestic violence" stands in that of SDV, and a viewer may print displays.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ipvscreen.resources.terminology import ACT_CODE, CONFIDENTIALITY, STU3_ACT_CODE

NOPAT = "NOPAT"
LEVELS = ("U", "L", "M", "N", "R", "V")  # v3-Confidentiality, from unrestricted to very restricted


class About(StrEnum):
    """What a resource is about; this alone decides its labels, never what was answered."""

    SCREEN = "screen"
    QUICK = "quick"
    FLAG = "flag"
    CONCERN = "concern"
    REFERRAL = "referral"  # ServiceRequest, Task, Consent, and the Procedure of its outcome, in the record
    CONTACT = "contact"  # what a service is sent
    BUNDLE = "bundle"  # a transaction; the same in every policy
    MESSAGE = "message"  # Bundle and MessageHeader of what a service is sent
    CONVERSATION = "conversation"
    PROVENANCE = "provenance"  # of a screen and its quick items: as high as the higher of the two
    DOCUMENT = "document"  # the existence of a DocumentReference


class Spelling(StrEnum):
    """How a record system spells NOPAT: GP Connect's STU3 systems know another URI for ActCode than R4."""

    R4 = "r4"
    STU3 = "stu3"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Row:
    """The labels of one kind of resource: a confidentiality code, and further codes as (system, code)."""

    confidentiality: str
    codes: tuple[tuple[str, str], ...] = ()


def act(*codes: str) -> tuple[tuple[str, str], ...]:
    """These codes of v3-ActCode."""
    return tuple((ACT_CODE, code) for code in codes)


# The least that a policy may ask for. SCREEN is the same for positive, negative, incomplete and declined:
# else the label would be the result. CONVERSATION has no SDV, which would name the topic that this way of
# recording keeps out. DOCUMENT: DS4P forbids NOPAT there, GP Connect wants it; a policy's own row decides.
FLOOR: Mapping[About, Row] = {
    About.SCREEN: Row("R", act("SDV", NOPAT)),
    About.QUICK: Row("V", act("SDV", NOPAT)),
    About.FLAG: Row("V", act("SDV", NOPAT, "NORDSCLCDS")),
    About.CONCERN: Row("V", act("SDV", NOPAT, "NORDSCLCDS")),
    About.REFERRAL: Row("R", act("SDV", NOPAT, "NORDSCLCDS")),
    About.CONTACT: Row("V", act("NORDSCLCDS")),
    About.BUNDLE: Row("V"),
    About.MESSAGE: Row("V"),
    About.CONVERSATION: Row("R", act(NOPAT)),
    About.PROVENANCE: Row("V", act("SDV", NOPAT)),
    About.DOCUMENT: Row("R"),
}


@dataclass(frozen=True, slots=True)
class Labels:
    """A policy's table. `inline`: what a service is sent marks the contact details themselves, too."""

    rows: Mapping[About, Row]
    inline: bool = False  # its codes are of later editions of HL7's list: R4 alone calls them unknown
    nopat: Spelling = Spelling.R4


DEFAULT = Labels(FLOOR)
_NOPAT: dict[Spelling, tuple[str, ...]] = {
    Spelling.R4: (ACT_CODE,),
    Spelling.STU3: (STU3_ACT_CODE,),
    Spelling.BOTH: (ACT_CODE, STU3_ACT_CODE),
}


def labels_of(about: About, labels: Labels = DEFAULT) -> tuple[dict[str, str], ...]:
    """The Codings of `meta.security`, the one confidentiality code first."""
    row = labels.rows[about]
    spelt = (
        (spelling, code)
        for system, code in row.codes
        for spelling in (_NOPAT[labels.nopat] if (system, code) == (ACT_CODE, NOPAT) else (system,))
    )
    return (
        {"system": CONFIDENTIALITY, "code": row.confidentiality},
        *({"system": system, "code": code} for system, code in spelt),
    )


def labelled(body: Mapping[str, Any], about: About, labels: Labels = DEFAULT) -> dict[str, Any]:
    """The resource with its labels, and with no others."""
    return _with(body, list(labels_of(about, labels)))


def labelled_like(body: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """The resource with the labels that `sent` went out with, and with no others."""
    return _with(body, list(sent["meta"]["security"]))


def lost(sent: Mapping[str, Any], stored: Mapping[str, Any]) -> tuple[str, ...]:
    """Labels (`system|code`) that `sent` has and `stored` lacks; displays and order do not matter.

    A higher confidentiality has kept a lower one: an entry may have been hidden since. What is malformed
    protects nothing.
    """
    kept = set(_labels_on(stored))
    higher = {low for label in kept for low in _lower(label)}
    return tuple(label for label in _labels_on(sent) if label not in kept | higher)


def meta_of(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """The `meta` of a resource as a server shows it; nothing where it is malformed."""
    meta = stored.get("meta")
    return meta if isinstance(meta, Mapping) else {}


def codings_on(stored: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The Codings of `meta.security`, without those that are malformed."""
    held = meta_of(stored).get("security")
    return [one for one in held if _is_coding(one)] if isinstance(held, list) else []


def _is_coding(one: object) -> bool:
    return isinstance(one, Mapping) and all(
        isinstance(one.get(name), str | None) for name in ("system", "code")
    )


def _lower(label: str) -> Iterator[str]:
    system, _, code = label.rpartition("|")
    if system == CONFIDENTIALITY and code in LEVELS:
        yield from (f"{system}|{level}" for level in LEVELS[: LEVELS.index(code)])


def _with(body: Mapping[str, Any], security: list[dict[str, str]]) -> dict[str, Any]:
    return {**body, "meta": {**body.get("meta", {}), "security": security}}


def _labels_on(resource: Mapping[str, Any]) -> Iterator[str]:
    for coding in codings_on(resource):
        yield f"{coding.get('system')}|{coding.get('code')}"
