"""Launches, codes and access tokens: opaque, short-lived and, but for the last, used once."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from ipvscreen.sandbox.access import Access
from ipvscreen.sandbox.refusals import Refusal
from ipvscreen.sandbox.scopes import clinical

LAUNCH_LIFETIME = timedelta(minutes=5)
CODE_LIFETIME = timedelta(seconds=60)

Clock = Callable[[], datetime]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Launch:
    """What the EHR remembers of a click on "Launch": logical ids."""

    patient: str
    clinician: str
    encounter: str


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a code stands for."""

    launch: Launch
    redirect_uri: str
    challenge: str
    scope: str
    nonce: str | None


class Spent(Exception):
    """A launch or a code that is unknown, too old or used; the message says which."""


@dataclass(slots=True)
class _Ticket(Generic[T]):
    content: T
    expires_at: datetime
    used: bool = False


class Tickets(Generic[T]):
    """Things that may be handed in once, for a while."""

    def __init__(self, name: str, lifetime: timedelta, clock: Clock) -> None:
        self._name = name
        self._lifetime = lifetime
        self._clock = clock
        self._tickets: dict[str, _Ticket[T]] = {}

    def add(self, content: T) -> str:
        """A new opaque value that stands for `content`."""
        value = secrets.token_urlsafe(24)
        self._tickets[value] = _Ticket(content, self._clock() + self._lifetime)
        return value

    def look(self, value: str) -> T:
        """What `value` stands for, without using it up; raises Spent."""
        ticket = self._tickets.get(value)
        if ticket is None:
            raise Spent(f"This {self._name} is not known here.")
        if ticket.used:
            raise Spent(f"This {self._name} has been used already.")
        if self._clock() >= ticket.expires_at:
            raise Spent(f"This {self._name} is too old.")
        return ticket.content

    def spend(self, value: str) -> T:
        """What `value` stands for, for the only time; raises Spent."""
        content = self.look(value)
        self._tickets[value].used = True
        return content


class Tokens:
    """Access tokens, and which code each came from."""

    def __init__(self, base: str, clock: Clock) -> None:
        self._base = base
        self._clock = clock
        self._accesses: dict[str, Access] = {}
        self._of_code: dict[str, str] = {}

    def admit(self, token: str) -> None:
        """Let the fixed `token` of the sandbox read everything, write nothing, and never expire."""
        self._accesses[token] = Access(clinical("user/*.rs"), self._base)

    def issue(
        self, *, scope: str, user: str, patient: str | None, expires_in: int, code: str | None = None
    ) -> str:
        """A new access token; `user` is a relative reference, `expires_in` is in seconds."""
        token = secrets.token_urlsafe(24)
        expires_at = self._clock() + timedelta(seconds=expires_in)
        self._accesses[token] = Access(clinical(scope), self._base, user, patient, expires_at)
        if code is not None:
            self._of_code[code] = token
        return token

    def revoke_of(self, code: str) -> None:
        """Withdraw what was issued for a code that is handed in again (RFC 6749, 4.1.2)."""
        self._accesses.pop(self._of_code.pop(code, ""), None)

    def access(self, authorization: str | None) -> Access:
        """What an Authorization header allows; 401 where it allows nothing."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthorized("No access token was sent.", "Bearer")
        access = self._accesses.get(token)
        if access is None:
            raise _unauthorized("This access token was not issued here.", 'Bearer error="invalid_token"')
        if access.expires_at is not None and self._clock() >= access.expires_at:
            raise _unauthorized(
                "The time of this access token is over.",
                'Bearer error="invalid_token", error_description="expired"',
            )
        return access


def _unauthorized(words: str, challenge: str) -> Refusal:
    return Refusal(401, "login", words, {"WWW-Authenticate": challenge})
