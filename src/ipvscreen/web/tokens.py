"""The sealed token in each form: which visit, patient, page and questions were on the screen."""

import base64
import binascii
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ipvscreen.errors import IpvscreenError
from ipvscreen.messages import message
from ipvscreen.store.sealed import Ring, SealBroken, open_sealed, seal
from ipvscreen.store.visits import Visit

_PURPOSE = "form"
_ENTERED = "entered"


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


def claims_of(visit: Visit, step: str, canonicals: tuple[str, ...]) -> Claims:
    """The claims of a page that is being printed now."""
    nonce = secrets.token_urlsafe(12)
    return Claims(visit.id, visit.patient_id, visit.encounter_id, str(step), canonicals, nonce)


def issue(ring: Ring, claims: Claims) -> str:
    """The token for a hidden field."""
    body = [claims.visit, claims.patient, claims.encounter, claims.step, claims.forms, claims.nonce]
    return _shut(ring, _PURPOSE, claims.visit, body)


def read(ring: Ring, token: str, visit: Visit) -> Claims:
    """The claims of a token of this visit; TokenRefused when it is another's, or nobody's."""
    body = _opened(ring, _PURPOSE, visit.id, token)
    claims = Claims(body[0], body[1], body[2], body[3], tuple(body[4]), body[5])
    if (claims.visit, claims.patient, claims.encounter) != (visit.id, visit.patient_id, visit.encounter_id):
        raise TokenRefused(message("This form was made for another patient or visit."))
    return claims


def carry(ring: Ring, visit: Visit, step: str, posted: Mapping[str, tuple[str, ...]]) -> str:
    """What was entered on a page that could not take it, sealed to be carried by the next page."""
    return _shut(ring, _ENTERED, visit.id, [visit.patient_id, step, dict(posted)])


def carried(ring: Ring, visit: Visit, text: str) -> tuple[str, dict[str, tuple[str, ...]]]:
    """The page and the fields that `carry` sealed; TokenRefused for another visit's, or nobody's."""
    patient, step, posted = _opened(ring, _ENTERED, visit.id, text)
    if patient != visit.patient_id:
        raise TokenRefused(message("This form was made for another patient or visit."))
    return step, {name: tuple(values) for name, values in posted.items()}


def _shut(ring: Ring, purpose: str, visit_id: str, body: Any) -> str:
    sealed = seal(ring, purpose, visit_id, json.dumps(body).encode())
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _opened(ring: Ring, purpose: str, visit_id: str, text: str) -> Any:
    try:
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return json.loads(open_sealed(ring, purpose, visit_id, sealed))
    except (SealBroken, binascii.Error, ValueError):
        raise TokenRefused(message("This form was not made for this visit.")) from None
