"""The launch context: whose chart is open, for whom, with what permission, and until when."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ipvscreen.errors import LaunchRefused
from ipvscreen.messages import message
from ipvscreen.smart.addresses import parse
from ipvscreen.smart.identity import Identity
from ipvscreen.smart.token_response import TokenResponse

# expires_in is only recommended. Where it is missing we take the shortest life that the specification
# names (SMART Backend Services, token response: 300 s): a visit that ends early keeps a sealed draft.
UNTOLD_SECONDS = 300.0
LONGEST_SECONDS = 86_400.0
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")

_NO_PATIENT = message(
    "The record system did not say which patient this is about. "
    "Open the patient's record first, then open this page from there."
)
_NOT_STAFF = message(
    "This page is for staff. "
    "Sign in to the record system as a member of staff, and open the page from the patient's record."
)
_NOBODY = message(
    "The record system did not say who is signed in, so this list cannot be shown. "
    "Open the page from the patient's record instead."
)


@dataclass(frozen=True, slots=True)
class LaunchContext:
    """What a finished launch gives. `iss` is as it came in; `expires_at` is when the token ends (UTC)."""

    iss: str
    patient_id: str
    encounter_id: str | None
    scope: str
    access_token: str = field(repr=False)
    expires_at: datetime
    identity: Identity
    need_patient_banner: bool
    refresh_token: str | None = field(default=None, repr=False)
    style_url: str | None = None
    fhir_context: tuple[Mapping[str, Any], ...] = ()
    intent: str | None = None


@dataclass(frozen=True, slots=True)
class UserContext:
    """A clinician without a patient (a provider launch); `expires_at` is when the token ends (UTC)."""

    iss: str
    identity: Identity
    expires_at: datetime


def launch_context(
    token: TokenResponse, identity: Identity, iss: str, now: datetime, *, requested_scope: str = ""
) -> LaunchContext:
    """The context of this token; LaunchRefused without a patient, or for a patient's or a proxy's sign-in.

    `now` is the moment before the token was asked for. A response without `scope` granted what was
    requested (RFC 6749 section 5.1), so the caller says what that was; else nothing counts as granted.
    """
    if not _is_id(token.patient):
        raise LaunchRefused(_NO_PATIENT)
    _staff(identity)
    return LaunchContext(
        iss=iss,
        patient_id=token.patient or "",
        encounter_id=token.encounter if _is_id(token.encounter) else _encounter(token.fhirContext),
        scope=requested_scope if token.scope is None else token.scope,
        access_token=token.access_token,
        expires_at=expiry(token, now),
        identity=identity,
        need_patient_banner=token.need_patient_banner,
        refresh_token=token.refresh_token,
        style_url=_safe(token.smart_style_url),
        fhir_context=tuple(token.fhirContext),
        intent=token.intent,
    )


def user_context(token: TokenResponse, identity: Identity, iss: str, now: datetime) -> UserContext:
    """Who opened the list; LaunchRefused where that is not told, or is nobody of the staff.

    Stricter than a launch with a patient, where the record system has at least opened that chart for them:
    a list names several people, so who asks must be a known practitioner.
    """
    _staff(identity)
    if not (identity.user or "").startswith(("Practitioner/", "PractitionerRole/")):
        raise LaunchRefused(_NOBODY)
    return UserContext(iss, identity, expiry(token, now))


def expiry(token: TokenResponse, now: datetime) -> datetime:
    """When this token ends, if it was asked for at `now`; short where it is not told, never over a day."""
    return now + timedelta(seconds=min(token.expires_in or UNTOLD_SECONDS, LONGEST_SECONDS))


def _staff(identity: Identity) -> None:
    if (identity.user or "").startswith(("Patient/", "RelatedPerson/")):
        raise LaunchRefused(_NOT_STAFF)


def _encounter(entries: Sequence[Mapping[str, Any]]) -> str | None:
    """The encounter of fhirContext, if it names exactly one as open: no role, or `launch`.

    By the letter it belongs beside the token, but not every server puts it there.
    """
    found = set()
    for entry in entries:
        reference = entry.get("reference")
        kind, _, ident = reference.partition("/") if isinstance(reference, str) else ("", "", "")
        if kind == "Encounter" and entry.get("role") in (None, "launch") and _is_id(ident):
            found.add(ident)
    return found.pop() if len(found) == 1 else None


def _safe(address: str | None) -> str | None:
    """A style sheet's address that could be fetched without harm, else none: style is a comfort."""
    try:
        return str(parse(address)) if address else None
    except LaunchRefused:
        return None


def _is_id(value: str | None) -> bool:
    """FHIR's id grammar; a dot or two alone would climb out of the resource's path."""
    return value is not None and _ID.fullmatch(value) is not None and value.strip(".") != ""
