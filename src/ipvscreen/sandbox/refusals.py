"""How this record system says no: a status, a FHIR issue code, and words of its own."""

from collections.abc import Mapping
from typing import Any

import httpx


class Refusal(Exception):
    """A request that is turned down; `words` become the OperationOutcome's diagnostics."""

    def __init__(self, status: int, code: str, words: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(words)
        self.status = status
        self.code = code
        self.words = words
        self.headers = dict(headers or {})

    def at(self, place: str) -> "Refusal":
        """The same refusal, saying where in a Bundle it arose."""
        return Refusal(self.status, self.code, f"{place}: {self.words}", self.headers)


class HangUp(httpx.RemoteProtocolError):
    """The connection closes without an answer.

    It is httpx's own error so that a client joined to the app in one process (ASGITransport) meets
    what a client at the other end of a socket would meet.
    """


def outcome(refusal: Refusal) -> dict[str, Any]:
    """The OperationOutcome of a refusal."""
    severity = "fatal" if refusal.status >= 500 else "error"
    issue = {"severity": severity, "code": refusal.code, "diagnostics": refusal.words}
    return {"resourceType": "OperationOutcome", "issue": [issue]}
