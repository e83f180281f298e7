"""The sealed token in each form: which visit, patient, page and questions were on the screen."""

import base64
import binascii
import json
import secrets
from dataclasses import dataclass

from ipvscreen.errors import IpvscreenError
from ipvscreen.ipv.visit import Step
from ipvscreen.store.sealed import Ring, SealBroken, open_sealed, seal
from ipvscreen.store.visits import Visit

_PURPOSE = "form"


class TokenRefused(IpvscreenError):
    """The form was not made by us for this visit, patient, page and version of the questions."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says of the page that it was printed in; `nonce` is new at each printing."""

    visit: str
    patient: str
    encounter: str | None
    step: str
    forms: tuple[str, ...]
    nonce: str


def claims_of(visit: Visit, step: Step, canonicals: tuple[str, ...]) -> Claims:
    """The claims of a page that is being printed now."""
    return Claims(
        visit.id, visit.patient_id, visit.encounter_id, step.value, canonicals, secrets.token_urlsafe(12)
    )


def issue(ring: Ring, claims: Claims) -> str:
    """The token for a hidden field."""
    body = [claims.visit, claims.patient, claims.encounter, claims.step, claims.forms, claims.nonce]
    sealed = seal(ring, _PURPOSE, claims.visit, json.dumps(body).encode())
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def read(ring: Ring, token: str, visit: Visit) -> Claims:
    """The claims of a token of this visit; TokenRefused when it is another's, or nobody's."""
    try:
        sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        body = json.loads(open_sealed(ring, _PURPOSE, visit.id, sealed))
    except (SealBroken, binascii.Error, ValueError):
        raise TokenRefused("This form was not made for this visit.") from None
    claims = Claims(body[0], body[1], body[2], body[3], tuple(body[4]), body[5])
    if (claims.visit, claims.patient, claims.encounter) != (visit.id, visit.patient_id, visit.encounter_id):
        raise TokenRefused("This form was made for another patient or visit.")
    return claims
