"""Security labels: which resource carries which, and whether a server kept them.

Codes and rules: HL7 DS4P implementation guide (exactly one confidentiality code; nothing that reveals a
privacy policy on a Bundle or message) and GP Connect 1.6.2 (NOPAT keeps an entry from the patient's view).
Labels carry no display: "domestic violence" stands in that of SDV, and a viewer may print displays.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from ipvscreen.resources.terminology import ACT_CODE, CONFIDENTIALITY


class About(StrEnum):
    """What a resource is about; this alone decides its labels, never what was answered."""

    SCREEN = "screen"
    QUICK = "quick"
    FLAG = "flag"
    REFERRAL = "referral"  # ServiceRequest, Task and Consent in the record system
    CONTACT = "contact"  # what a service is sent
    BUNDLE = "bundle"  # Bundle and MessageHeader
    CONVERSATION = "conversation"
    PROVENANCE = "provenance"  # of a screen and its quick items: as high as the higher of the two


# SCREEN is the same for positive, negative, incomplete and declined: else the label would be the result.
# CONVERSATION has no SDV, which would name the topic that this way of recording keeps out.
_LABELS: dict[About, tuple[str, tuple[str, ...]]] = {
    About.SCREEN: ("R", ("SDV", "NOPAT")),
    About.QUICK: ("V", ("SDV", "NOPAT")),
    About.FLAG: ("V", ("SDV", "NOPAT", "NORDSCLCDS")),
    About.REFERRAL: ("R", ("SDV", "NOPAT", "NORDSCLCDS")),
    About.CONTACT: ("V", ("NORDSCLCDS",)),
    About.BUNDLE: ("V", ()),
    About.CONVERSATION: ("R", ("NOPAT",)),
    About.PROVENANCE: ("V", ("SDV", "NOPAT")),
}


def labels_of(about: About) -> tuple[dict[str, str], ...]:
    """The Codings of `meta.security`, the one confidentiality code first."""
    confidentiality, acts = _LABELS[about]
    return (
        {"system": CONFIDENTIALITY, "code": confidentiality},
        *({"system": ACT_CODE, "code": code} for code in acts),
    )


def labelled(body: Mapping[str, Any], about: About) -> dict[str, Any]:
    """The resource with its labels, and with no others."""
    return {**body, "meta": {**body.get("meta", {}), "security": list(labels_of(about))}}


def lost(sent: Mapping[str, Any], stored: Mapping[str, Any]) -> tuple[str, ...]:
    """Labels (`system|code`) that `sent` has and `stored` lacks; displays and order do not matter."""
    kept = set(_labels_on(stored))
    return tuple(label for label in _labels_on(sent) if label not in kept)


def _labels_on(resource: Mapping[str, Any]) -> Iterator[str]:
    meta = resource.get("meta") or {}
    for coding in meta.get("security") or ():
        yield f"{coding.get('system')}|{coding.get('code')}"
