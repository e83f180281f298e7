"""The sealed slip in each form of these pages: for which page and whom, when, and good for one use."""

import base64
import binascii
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from ipvscreen.ipv.lasting import ABSOLUTE
from ipvscreen.messages import message
from ipvscreen.store.sealed import Ring, SealBroken, open_sealed, seal
from ipvscreen.store.spent import Once
from ipvscreen.web.tokens import TokenRefused

_PURPOSE = "inbox form"
_NOT_OURS = message("This form was not made for you, or was open for too long.")


@dataclass(frozen=True, slots=True)
class Slip:
    """What a form proves; `challenge` is what a key signs where one is asked for: random, 256 bits."""

    page: str
    holder: str
    challenge: bytes
    printed_at: datetime

    def used(self, now: datetime, also: bytes = b"") -> Once:
        """What keeps it from being used again; `also` names a second thing that one form does."""
        return Once(sha256(also + self.challenge).hexdigest(), now, self.printed_at + ABSOLUTE)


def new_slip(page: str, holder: str, now: datetime) -> Slip:
    """For a page that is being printed; `holder` is a session, a hashed code, or nobody."""
    return Slip(page, holder, secrets.token_bytes(32), now)


def issue(ring: Ring, slip: Slip) -> str:
    """The slip for a hidden field."""
    body = [slip.page, slip.challenge.hex(), slip.printed_at.isoformat()]
    sealed = seal(ring, _PURPOSE, slip.holder, json.dumps(body).encode())
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def read(ring: Ring, text: str, page: str, holder: str, now: datetime, lasts: timedelta) -> Slip:
    """The slip of that page and holder; TokenRefused for any other, and for one printed too long ago."""
    try:
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        printed, challenge, at = json.loads(open_sealed(ring, _PURPOSE, holder, sealed))
    except (SealBroken, binascii.Error, ValueError):
        raise TokenRefused(_NOT_OURS) from None
    slip = Slip(printed, holder, bytes.fromhex(challenge), datetime.fromisoformat(at))
    if slip.page != page or not slip.printed_at <= now < slip.printed_at + lasts:
        raise TokenRefused(_NOT_OURS)
    return slip
