"""Where services and stewards sign in: an origin of its own, with its headers and its limits."""

from dataclasses import dataclass, field
from datetime import tzinfo
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from ipvscreen.web.limits import Limits
from ipvscreen.web.security import SCRIPT, Policy

KEY_SCRIPT = "key.js"


@dataclass(frozen=True, slots=True)
class Place:
    """`origin` as browsers send it; `exit_url` is neutral, and where quick exit leads."""

    origin: str
    exit_url: str
    locale: str
    zone: tzinfo
    attempts: Limits = field(repr=False)

    @property
    def host(self) -> str:
        """Host and port, as the Host header says them."""
        return urlsplit(self.origin).netloc

    @property
    def rp_id(self) -> str:
        """What keys are bound to (WebAuthn, RP ID): the host alone."""
        return urlsplit(self.origin).hostname or ""


def policy_of_inbox(origin: str, base: str) -> Policy:
    """The headers of these pages: the script of every page, and the one that asks the browser for a key."""
    return Policy(origin, " ".join(f"{origin}{base}/s/{name}" for name in (SCRIPT, KEY_SCRIPT)))


def place_of(
    origin: str, exit_url: str, locale: str, zone: str, attempts_per_minute: int, attempts_per_address: int
) -> Place:
    """The place that the settings speak of."""
    return Place(origin, exit_url, locale, ZoneInfo(zone), Limits(attempts_per_minute, attempts_per_address))
