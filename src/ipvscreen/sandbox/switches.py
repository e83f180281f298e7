"""Switches by which a test makes the sandbox fail; every one may be set while it runs."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from ipvscreen.sandbox.refusals import HangUp, Refusal

Key = tuple[str, str]
"""(method, what): what is a FHIR type, "transaction", "token", "metadata" or "smart-configuration".

"*" stands for any method or any FHIR type (a transaction included); the last three are only ever
meant by their name. A search is a GET however it is sent.
"""

LabelLoss = Literal[
    "dropped",
    "downgraded",  # the confidentiality is stored as normal
    "on-update",  # in every version after the first; and it makes a second one itself, as workflows do
    "in-search",
    "in-history",  # a vread included
    "other-system",  # the same codes, stored as of a system of its own
    "not-saved",  # answered as if it were
    "late",  # each entry is bare at the first read, the first search and the first look at its versions
]
"""Ways in which a record system can lose labels."""

_BY_NAME_ONLY = frozenset({"token", "metadata", "smart-configuration"})

_WORDS: dict[int, tuple[str, str]] = {
    401: ("login", "Your sign-in is no longer accepted by this record system."),
    403: ("forbidden", "Your role may not do this in this record system."),
    404: ("not-found", "This record system does not know what was asked for."),
    409: ("conflict", "Someone else is changing the same record."),
    412: ("conflict", "The record is not as your request expected it to be."),
    422: ("business-rule", "A rule of this practice does not allow this entry."),
    429: ("throttled", "Too many requests: wait seven seconds."),
    500: ("exception", "The record system failed on its own account."),
}


@dataclass(slots=True)
class Refuse:
    """Refuse with `status`, after letting `after` calls pass, and `times` times (None: for good)."""

    status: int
    after: int = 0
    times: int | None = None
    seen: int = 0

    def next_status(self) -> int | None:
        """The status for one more call; None where it may pass."""
        self.seen += 1
        if self.seen <= self.after:
            return None
        if self.times is not None and self.seen > self.after + self.times:
            return None
        return self.status


@dataclass(slots=True)
class Switches:
    """Of the record system. `at` narrows hang, hang_up and lose_answer to some calls."""

    offered: dict[str, str] | None = None  # by type, the letters of cruds that it takes; None: all of them
    no_transaction: bool = False
    batch: bool = False  # several entries at once, each on its own
    no_conditional_create: bool = False
    unconditional: set[str] = field(default_factory=set)  # types that are not made on a condition
    unfindable: set[str] = field(default_factory=set)  # types that cannot be searched by identifier
    no_delete: bool = False
    no_history: bool = False
    flag_create: bool = True
    drop_labels: set[str] = field(default_factory=set)
    labels_missing_in_search: bool = False
    labels_missing_in_history: bool = False
    label_loss: dict[str, LabelLoss] = field(default_factory=dict)  # by type
    refuse: dict[Key, int | Refuse] = field(default_factory=dict)
    hang: float = 0.0  # seconds, before anything is done
    hang_up: bool = False
    lose_answer: bool | Literal["hang-up"] = False  # writes only: stored, then 500 or a closed connection
    at: Key = ("*", "*")
    unversioned: bool = False  # no versions are told of, and none is shown
    empty_201: bool = False  # the id is told by Location alone
    no_location: bool = False  # and then by the body alone
    strict_accept: bool = False  # answers those alone who ask for FHIR JSON by its name
    issuer: str | None = None  # another than the address: in smart-configuration and id_tokens
    no_v2_scopes: bool = False  # not granted, because not understood
    few_scopes_listed: bool = False  # in smart-configuration; it says nothing of what is granted
    no_s256: bool = False  # PKCE is neither announced nor looked at
    issuer_parameter: bool = True  # RFC 9207: announced, and in each answer
    narrow_scope: str | None = None  # granted whatever was asked for
    narrow_scopes: set[str] = field(default_factory=set)  # left out of whatever was asked for
    omit_patient: bool = False
    no_patient: bool = False  # as if no chart were open: neither patient nor encounter
    encounter_in_fhir_context: bool = False  # and not beside the token
    omit_id_token: bool = False
    expires_in: int = 3600  # seconds
    refresh_expires_in: int = 8 * 3600  # seconds from the sign-in on, however often it is refreshed
    keep_refresh_token: bool = False  # no rotation: the answer to a refresh brings no new one
    deny_authorization: bool = False

    def loses(self, kind: str, *ways: LabelLoss) -> bool:
        """Whether labels of this type are lost in one of these ways."""
        dropped = "dropped" in ways and kind in self.drop_labels
        in_search = "in-search" in ways and self.labels_missing_in_search
        return dropped or in_search or self.label_loss.get(kind) in ways

    def offers(self, kind: str, letter: str) -> bool:
        """Whether this type is there for that letter of cruds at all."""
        return self.offered is None or letter in self.offered.get(kind, "")

    def told_issuer(self, base_url: str) -> str:
        """What the authorization server calls itself."""
        return self.issuer or base_url

    def status_for(self, method: str, what: str) -> int | None:
        """The status with which this call is to be refused; None where it may pass."""
        for key in _keys(method, what):
            rule = self.refuse.get(key)
            status = rule.next_status() if isinstance(rule, Refuse) else rule
            if status is not None:
                return status
        return None

    def check(self, method: str, what: str) -> None:
        """Raise the refusal that is switched on for this call."""
        status = self.status_for(method, what)
        if status is not None:
            raise switched_refusal(status)

    async def before(self, method: str, what: str) -> None:
        """Hang or hang up, where that is switched on for this call."""
        if self.at not in _keys(method, what):
            return
        await asyncio.sleep(self.hang)
        if self.hang_up:
            raise HangUp("The record system closed the connection.")

    def after(self, method: str, what: str) -> None:
        """Lose the answer to a write that has been stored, where that is switched on."""
        if not self.lose_answer or self.at not in _keys(method, what):
            return
        if self.lose_answer == "hang-up":
            raise HangUp("The record system closed the connection after storing.")
        raise Refusal(500, "exception", "The record system failed after it had begun to store.")


@dataclass(slots=True)
class CharitySwitches:
    """Of the charity's endpoint."""

    refuse: int | Refuse | None = None
    hang: float = 0.0
    hang_up: bool = False
    lose_answer: bool | Literal["hang-up"] = False

    async def before(self) -> None:
        """Hang, hang up or refuse, where that is switched on."""
        await asyncio.sleep(self.hang)
        if self.hang_up:
            raise HangUp("The service closed the connection.")
        status = self.refuse.next_status() if isinstance(self.refuse, Refuse) else self.refuse
        if status is not None:
            raise switched_refusal(status)

    def after(self) -> None:
        """Lose the answer to a message that has been stored, where that is switched on."""
        if self.lose_answer == "hang-up":
            raise HangUp("The service closed the connection after storing.")
        if self.lose_answer:
            raise Refusal(500, "exception", "The service failed after it had begun to store.")


def switched_refusal(status: int) -> Refusal:
    """The refusal that a switch asks for, with the headers that the status calls for."""
    code, words = _WORDS.get(status, ("processing", f"This system answers {status} today."))
    headers = {429: {"Retry-After": "7"}, 401: {"WWW-Authenticate": 'Bearer error="invalid_token"'}}
    return Refusal(status, code, words, headers.get(status))


def _keys(method: str, what: str) -> tuple[Key, ...]:
    if what in _BY_NAME_ONLY:
        return ((method, what), ("*", what))
    return ((method, what), ("*", what), (method, "*"), ("*", "*"))
