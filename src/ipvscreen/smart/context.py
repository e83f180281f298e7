"""The launch context: whose chart is open, for whom, with what permission, and until when."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ipvscreen.errors import LaunchRefused
from ipvscreen.smart.authorization import TokenResponse
from ipvscreen.smart.identity import Identity

# expires_in is only recommended. Where it is missing we take the shortest life that the specification
# names (SMART Backend Services, token response: 300 s): a visit that ends early keeps a sealed draft.
UNTOLD_SECONDS = 300.0
LONGEST_SECONDS = 86_400.0
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")

_NO_PATIENT = (
    "The record system did not say which patient this is about. "
    "Open the patient's record first, then open this page from there."
)
_NOT_STAFF = (
    "This page is for staff. "
    "Sign in to the record system as a member of staff, and open the page from the patient's record."
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


def launch_context(
    token: TokenResponse, identity: Identity, iss: str, now: datetime, *, requested_scope: str = ""
) -> LaunchContext:
    """The context of this token; LaunchRefused without a patient, or for a patient's or a proxy's sign-in.

    `now` is the moment before the token was asked for. A response without `scope` granted what was
    requested (RFC 6749 section 5.1), so the caller says what that was; else nothing counts as granted.
    """
    if not _is_id(token.patient):
        raise LaunchRefused(_NO_PATIENT)
    if (identity.user or "").startswith(("Patient/", "RelatedPerson/")):
        raise LaunchRefused(_NOT_STAFF)
    seconds = min(token.expires_in or UNTOLD_SECONDS, LONGEST_SECONDS)
    return LaunchContext(
        iss=iss,
        patient_id=token.patient or "",
        encounter_id=token.encounter if _is_id(token.encounter) else None,
        scope=requested_scope if token.scope is None else token.scope,
        access_token=token.access_token,
        expires_at=now + timedelta(seconds=seconds),
        identity=identity,
        need_patient_banner=token.need_patient_banner,
    )


def _is_id(value: str | None) -> bool:
    """FHIR's id grammar; a dot or two alone would climb out of the resource's path."""
    return value is not None and _ID.fullmatch(value) is not None and value.strip(".") != ""
