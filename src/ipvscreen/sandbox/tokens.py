"""Access tokens and refresh tokens: each sign-in is one family, and is withdrawn as a whole."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ipvscreen.sandbox.access import Access
from ipvscreen.sandbox.refusals import Refusal
from ipvscreen.sandbox.scopes import clinical
from ipvscreen.sandbox.tickets import Clock, Launch, Spent


@dataclass(slots=True)
class Family:
    """What one code has become: `scope` as granted, its access tokens, and its one good refresh token.

    `online`: the refresh token is good only while the clinician stays signed in.
    """

    scope: str
    launch: Launch
    ends_at: datetime
    online: bool = False
    accesses: set[str] = field(default_factory=set)
    good: str | None = None
    revoked: bool = False


class Tokens:
    """Every token that was issued, by its value."""

    def __init__(self, base: str, clock: Clock) -> None:
        self._base = base
        self._clock = clock
        self._fixed = ""
        self._accesses: dict[str, Access] = {}
        self._of_code: dict[str, Family] = {}
        self._of_refresh: dict[str, Family] = {}

    def admit(self, token: str) -> None:
        """Let the fixed `token` of the sandbox read everything, write nothing, and never expire.

        Two more are made of it: `token~night`, of a clinician on duty out of hours who looks at flags, and
        `token~portal~<patient>`, of that patient's online access, a proxy's included.
        """
        self._fixed = token
        self._accesses[token] = Access(clinical("user/*.rs"), self._base)
        self._accesses[f"{token}~night"] = Access(clinical("user/Flag.rs user/Patient.r"), self._base)

    def begin(self, code: str, family: Family) -> None:
        """Remember what a code has become."""
        self._of_code[code] = family

    def issue(
        self, *, scope: str, user: str, patient: str | None, expires_in: int, family: Family | None = None
    ) -> str:
        """A new access token; `user` is a relative reference, `expires_in` is in seconds."""
        token = secrets.token_urlsafe(24)
        expires_at = self._clock() + timedelta(seconds=expires_in)
        self._accesses[token] = Access(clinical(scope), self._base, user, patient, expires_at)
        if family is not None:
            family.accesses.add(token)
        return token

    def refresh_token(self, family: Family) -> str:
        """A new refresh token; from now on the one before it is a used one."""
        family.good = secrets.token_urlsafe(32)
        self._of_refresh[family.good] = family
        return family.good

    def redeem(self, refresh_token: str) -> Family:
        """Whose refresh token this is; raises Spent.

        One that comes a second time is in two hands, and no one can say which of them is the app's: all
        that came of this sign-in is withdrawn (RFC 9700, 4.14.2).
        """
        family = self._of_refresh.get(refresh_token)
        if family is None:
            raise Spent("This refresh token was not issued here.")
        if family.revoked:
            raise Spent("What came of this sign-in has been withdrawn.")
        if refresh_token != family.good:
            self._revoke(family)
            raise Spent("This refresh token has been used already: all of this sign-in is withdrawn.")
        if self._clock() >= family.ends_at:
            raise Spent("This refresh token is too old.")
        return family

    def revoke_of(self, code: str) -> None:
        """Withdraw what was issued for a code that is handed in again (RFC 6749, 4.1.2)."""
        if code in self._of_code:
            self._revoke(self._of_code[code])

    def sign_out(self, clinician: str) -> None:
        """The clinician leaves: what was granted with `online_access` cannot be refreshed any more."""
        for family in self._of_refresh.values():
            if family.online and family.launch.clinician == clinician:
                family.revoked = True

    def access(self, authorization: str | None) -> Access:
        """What an Authorization header allows; 401 where it allows nothing."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthorized("No access token was sent.", "Bearer")
        access = self._accesses.get(token) or self._online(token)
        if access is None:
            raise _unauthorized("This access token was not issued here.", 'Bearer error="invalid_token"')
        if access.expires_at is not None and self._clock() >= access.expires_at:
            raise _unauthorized(
                "The time of this access token is over.",
                'Bearer error="invalid_token", error_description="expired"',
            )
        return access

    def _online(self, token: str) -> Access | None:
        """Whoever reads a patient's record online."""
        fixed, _, patient = token.partition("~portal~")
        if not patient or not self._fixed or fixed != self._fixed:
            return None
        return Access(clinical("patient/*.rs"), self._base, patient=patient, portal=True)

    def _revoke(self, family: Family) -> None:
        family.revoked = True
        for token in family.accesses:
            self._accesses.pop(token, None)


def _unauthorized(words: str, challenge: str) -> Refusal:
    return Refusal(401, "login", words, {"WWW-Authenticate": challenge})
