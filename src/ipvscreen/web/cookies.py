"""Cookies: one for each visit or list, and one that binds a launch to its browser; values are random.

Names are opaque and differ for each visit, so that two visits in one browser never share a session and
leaving one deletes that one. They end with the browser, which then does not take them up again; what they
open ends by itself. The `Set-Cookie` line is written by hand: Starlette refuses `partitioned` below
Python 3.14.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from starlette.responses import Response

_AWAY_SECONDS = 1


def _name(purpose: str, key: str) -> str:
    return f"__Host-{hashlib.sha256(f'{purpose} {key}'.encode()).hexdigest()[:16]}"


_SESSION = _name("session", "")


def visit_cookie(visit_id: str) -> str:
    """The name of the cookie of that visit."""
    return _name("visit", visit_id)


def launch_cookie(state: str) -> str:
    """The name of the cookie that a browser holds between launch and callback."""
    return _name("launch", state)


def sitting_cookie(sitting_id: str) -> str:
    """The name of the cookie of that list."""
    return _name("sitting", sitting_id)


def trial_cookie(mark: str) -> str:
    """The name of the cookie that only shows whether the browser keeps any for us in this frame."""
    return _name("trial", mark)


def fresh() -> str:
    """A new value of 256 bits."""
    return secrets.token_urlsafe(32)


def hashed(value: str) -> str:
    """What is stored of a value: its SHA-256 in hex."""
    return hashlib.sha256(value.encode()).hexdigest()


def holds(cookies: Mapping[str, str], name: str, stored: str) -> bool:
    """Whether the request's cookie of that name has the stored hash."""
    return hmac.compare_digest(hashed(cookies.get(name, "")), stored)


def put_visit(response: Response, visit_id: str, value: str, *, framed: bool = False) -> None:
    """Give the browser the cookie of a visit; `framed` for a record system that shows us in a frame."""
    _append(response, visit_cookie(visit_id), value, framed=framed)


def put_launch(response: Response, state: str, value: str, *, framed: bool = False) -> None:
    """Give the browser the cookie that the callback will ask for."""
    _append(response, launch_cookie(state), value, framed=framed)


def put_sitting(response: Response, sitting_id: str, value: str, *, framed: bool = False) -> None:
    """Give the browser the cookie of a list."""
    _append(response, sitting_cookie(sitting_id), value, framed=framed)


def put_trial(response: Response, mark: str) -> None:
    """Give the browser, in a frame, a cookie that means nothing."""
    _append(response, trial_cookie(mark), "1", framed=True)


def session_of(cookies: Mapping[str, str]) -> str | None:
    """What is stored of the session that a member's browser came with; None where it came with none."""
    value = cookies.get(_SESSION)
    return hashed(value) if value else None


def put_session(response: Response, value: str) -> None:
    """Give the browser the cookie of a member who has signed in; no other site's link brings it along."""
    _write(response, _SESSION, value, "SameSite=Strict")


def drop_session(response: Response) -> None:
    """Take it away."""
    _write(response, _SESSION, "", "SameSite=Strict", seconds=0)


def drop(response: Response, name: str, *, framed: bool = False) -> None:
    """Take a cookie away; this too keeps the page before it out of the back-forward cache.

    A change of a partitioned cookie does not (Chromium 156, tests/journeys): one that is not comes with it.
    """
    _append(response, name, "", framed=framed, seconds=0)
    if framed:
        _append(response, _name("away", ""), fresh(), framed=False, seconds=_AWAY_SECONDS)


def _append(response: Response, name: str, value: str, *, framed: bool, seconds: int | None = None) -> None:
    _write(response, name, value, "SameSite=None; Partitioned" if framed else "SameSite=Lax", seconds)


def _write(response: Response, name: str, value: str, where: str, seconds: int | None = None) -> None:
    age = "" if seconds is None else f" Max-Age={seconds};"
    line = f"{name}={value};{age} Path=/; Secure; HttpOnly; {where}"
    response.raw_headers.append((b"set-cookie", line.encode("latin-1")))
