"""Push one message to a service's FHIR endpoint, so that however often it is tried it arrives once.

Headers and the meaning of 409 follow NHS Booking and Referrals (BaRS Core 1.5.0, transactional integrity):
X-Request-ID stays the same at every retry of a message, X-Correlation-ID over the whole referral, and a 409
whose OperationOutcome has the issue code `duplicate` means that the service has it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from ipvscreen.ehr.client import tail
from ipvscreen.ehr.exchange import TOTAL_SECONDS, Answer, exchange, issues_of, own_words
from ipvscreen.errors import DeliveryLater, DeliveryRefused, EhrUnreachable, LaunchRefused
from ipvscreen.smart.addresses import parse

_WHO = "The service's system"
_REFERENCE_LENGTH = 100
_LATER = frozenset({408, 425, 429})
_CONFLICT = 409
_SERVER_FAULT = 500


@dataclass(frozen=True, slots=True)
class Receipt:
    """When the service's system took a message (UTC), under what id of its own, and whether it had it."""

    at: datetime
    reference: str | None
    duplicate: bool


async def push(
    http: httpx.AsyncClient,
    endpoint: str,
    bundle: Mapping[str, Any],
    *,
    key: str,
    correlation: str,
    clock: Callable[[], datetime],
    seconds: float = TOTAL_SECONDS,
    token: str | None = None,
) -> Receipt:
    """The receipt for a message Bundle; DeliveryLater where a later try may help, else DeliveryRefused.

    `token`: the bearer token that the endpoint asks for, if it asks for one.
    """
    url = f"{_checked(endpoint).rstrip('/')}/$process-message"
    headers = {"X-Request-ID": key, "X-Correlation-ID": correlation}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = await exchange(http, "POST", url, who=_WHO, headers=headers, body=bundle, seconds=seconds)
    except EhrUnreachable as unreachable:
        raise DeliveryLater(str(unreachable)) from None
    duplicate = answer.status == _CONFLICT and _says_duplicate(answer)
    if not (answer.ok or duplicate):
        _refuse(answer, clock())
    if answer.ok:
        _check_response(answer)
    return Receipt(clock(), _reference(answer), duplicate)


def _checked(endpoint: str) -> str:
    """https, or http on loopback: a name and a way to reach someone go over this line."""
    try:
        parse(endpoint)
    except LaunchRefused:
        raise DeliveryRefused(0, f"{_WHO} has no safe address in the directory.") from None
    return endpoint


def _refuse(answer: Answer, now: datetime) -> None:
    words = own_words(answer.body) or f"{_WHO} answered with status {answer.status}."
    if answer.status in _LATER or answer.status >= _SERVER_FAULT:
        raise DeliveryLater(words, after=_after(answer.headers.get("Retry-After"), now))
    raise DeliveryRefused(answer.status, words)


def _check_response(answer: Answer) -> None:
    """A 2xx can carry a refusal: in MessageHeader.response.code, or an OperationOutcome instead of it."""
    header = _message_header(answer.body)
    response = header.get("response")
    code = response.get("code") if isinstance(response, dict) else None
    words = own_words(_outcome(answer.body)) or f"{_WHO} did not take the message."
    if code == "transient-error":
        raise DeliveryLater(words)
    if code == "fatal-error" or _is_error(answer.body):
        raise DeliveryRefused(answer.status, words)


def _after(value: str | None, now: datetime) -> float | None:
    """Retry-After in seconds: a number, or an HTTP date (RFC 9110 section 10.2.3)."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


def _says_duplicate(answer: Answer) -> bool:
    return any(issue.get("code") == "duplicate" for issue in issues_of(answer.body))


def _is_error(body: Mapping[str, Any] | None) -> bool:
    return any(issue.get("severity") in ("fatal", "error") for issue in issues_of(body))


def _reference(answer: Answer) -> str | None:
    """The service's own id of the message: where it keeps it, else what its answer is called."""
    body = answer.body or {}
    bundle = body if body.get("resourceType") == "Bundle" else {}
    for named in (tail(answer.headers.get("Location")), _message_header(body).get("id"), bundle.get("id")):
        if isinstance(named, str) and named:
            return named[:_REFERENCE_LENGTH]
    return None


def _message_header(body: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return _of_kind(body, "MessageHeader") or {}


def _outcome(body: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return _of_kind(body, "OperationOutcome") or body


def _of_kind(body: Mapping[str, Any] | None, kind: str) -> Mapping[str, Any] | None:
    entries = (body or {}).get("entry")
    for entry in entries if isinstance(entries, list) else []:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") == kind:
            return resource
    return None
