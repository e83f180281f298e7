"""One HTTP exchange with a FHIR server: no redirect, no cookie, bounded in time and in size."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from ipvscreen.ehr.guard import MORE
from ipvscreen.ehr.repeat import after_answer, after_error
from ipvscreen.errors import EhrUnreachable
from ipvscreen.messages import message

FHIR_JSON = "application/fhir+json"  # Oracle Health answers nothing else
CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0
ANSWER_BYTES = 1_000_000
USER_AGENT = "health-questionnaire"
WORDS_LENGTH = 300
GONE = frozenset({404, 410})  # the record system says that it has none

# Raised before a byte of the request was sent, so that nothing can have happened there.
_BEFORE_SENDING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and headers, and the body where it was a JSON object."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any] | None

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx; a redirect is not followed, and not an answer."""
        return 200 <= self.status < 300


async def exchange(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    who: str,
    headers: Mapping[str, str],
    params: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
    limit: int = ANSWER_BYTES,
    seconds: float = TOTAL_SECONDS,
    tries: int = 1,
    spread: Callable[[], float] = random.random,
) -> Answer:
    """The answer to one request; EhrUnreachable, with `who` as subject of its words, where none comes.

    It tells two failures apart: before sending, when surely nothing happened, and after, when the request
    may have been carried out all the same. `tries`: how often it is sent at most, for what only reads;
    `seconds` is the time of all of them together. `spread` gives numbers from 0 to 1.
    """
    request = _request(method, url, headers, params, body, seconds)
    ask = partial(_answer, http, request, limit, who)
    ends = asyncio.get_running_loop().time() + seconds
    try:
        async with asyncio.timeout_at(ends):
            return await _persistent(ask, tries, ends, spread)
    except _BEFORE_SENDING:
        raise EhrUnreachable(
            message("{who} could not be reached.", who=who), may_have_happened=False
        ) from None
    except (httpx.TimeoutException, TimeoutError):
        raise EhrUnreachable(
            message("{who} did not answer in time.", who=who), may_have_happened=True
        ) from None
    except httpx.RequestError:
        raise EhrUnreachable(
            message("{who} broke off before it had answered.", who=who), may_have_happened=True
        ) from None


def _request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    params: Mapping[str, str] | None,
    body: Mapping[str, Any] | None,
    seconds: float,
) -> httpx.Request:
    return httpx.Request(
        method,
        url,
        params=params,
        content=None if body is None else json.dumps(body).encode(),
        # Uncompressed: a small compressed answer can be a very large one.
        headers={
            "Accept": FHIR_JSON,
            "Accept-Encoding": "identity",
            "User-Agent": USER_AGENT,
            **({} if body is None else {"Content-Type": FHIR_JSON}),
            **headers,
        },
        extensions={"timeout": httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)).as_dict()},
    )


async def _persistent(
    ask: Callable[..., Awaitable[Answer]], tries: int, ends: float, spread: Callable[[], float]
) -> Answer:
    """What the last try gives; the one before it where the next could not begin before `ends`."""

    def late(pause: float) -> bool:
        return asyncio.get_running_loop().time() + pause >= ends

    for _ in range(tries - 1):
        try:
            answer = await ask(more=True)
        except httpx.RequestError as error:
            pause = after_error(error, spread())
            if pause is None or late(pause):
                raise
        else:
            pause = after_answer(answer.status, answer.headers, spread())
            if pause is None or late(pause):
                return answer
        await asyncio.sleep(pause)
    return await ask(more=False)


async def _answer(
    http: httpx.AsyncClient, request: httpx.Request, limit: int, who: str, *, more: bool
) -> Answer:
    request.extensions[MORE] = more
    # The request is not built by the client: its cookie jar is shared by every clinician.
    response = await http.send(request, stream=True, auth=None, follow_redirects=False)
    try:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > limit:
                raise EhrUnreachable(
                    message("{who} answered at too great a length.", who=who), may_have_happened=True
                )
    finally:
        await response.aclose()
    return Answer(response.status_code, response.headers, _object(bytes(body)))


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def own_words(body: Mapping[str, Any] | None) -> str:
    """What an OperationOutcome says, the worst issues first, in at most 300 characters; "" for none.

    `details.text` is meant for people, `diagnostics` for their technicians (R4 OperationOutcome); many
    servers fill only the latter. For the page, never for a log: it can quote what was sent.
    """
    issues = issues_of(body)
    worst = [issue for issue in issues if issue.get("severity") in ("fatal", "error")]
    said = [text for text in map(_said, worst or issues) if text]
    words = " ".join(" ".join(said).split())
    return words if len(words) <= WORDS_LENGTH else f"{words[: WORDS_LENGTH - 1]}…"


def issues_of(body: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The issues of an OperationOutcome; none for anything else."""
    if body is None or body.get("resourceType") != "OperationOutcome":
        return []
    issues = body.get("issue")
    return [issue for issue in issues if isinstance(issue, dict)] if isinstance(issues, list) else []


def _said(issue: Mapping[str, Any]) -> str:
    details = issue.get("details")
    text = details.get("text") if isinstance(details, dict) else None
    words = text or issue.get("diagnostics")
    return "".join(c if c.isprintable() else " " for c in words) if isinstance(words, str) else ""
