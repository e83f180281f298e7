"""Launches, codes and requests that wait for a person's choice: opaque, short-lived and used once."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

LAUNCH_LIFETIME = timedelta(minutes=5)
CODE_LIFETIME = timedelta(seconds=60)
CHOICE_LIFETIME = timedelta(minutes=5)

Clock = Callable[[], datetime]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Launch:
    """What the EHR remembers of a click, or of a choice on its own page: logical ids.

    `framed` where this system shows the patient's banner around the app.
    """

    patient: str | None
    clinician: str
    encounter: str | None = None
    intent: str | None = None
    framed: bool = False


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A checked authorization request: where its answer goes, and what it asks for."""

    redirect_uri: str
    challenge: str | None
    scope: str
    nonce: str | None
    state: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a code stands for."""

    request: AuthorizationRequest
    launch: Launch


@dataclass(frozen=True, slots=True)
class Choice:
    """A request that waits until somebody has said who they are, and whom it is about."""

    request: AuthorizationRequest
    launch: Launch | None


class Spent(Exception):
    """A ticket or a refresh token that is unknown, too old or used; the message says which."""


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
