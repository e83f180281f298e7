"""One exchange with an authorization server: no redirect, no cookie, bounded in time and in size."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from ipvscreen.errors import LaunchRefused
from ipvscreen.messages import message

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0
ANSWER_BYTES = 1_000_000
USER_AGENT = "health-questionnaire"

_SILENT = message(
    "The record system did not answer. Wait a moment, then open this page again from the patient's record."
)
_TOO_LONG = message(
    "The record system's answer was too long to be read. Ask your system manager to check it."
)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP status and, where the answer was a JSON object, that object."""

    status: int
    body: Mapping[str, Any] | None


async def fetch(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    limit: int = ANSWER_BYTES,
    seconds: float = TOTAL_SECONDS,
) -> Reply:
    """The reply to one request; LaunchRefused where none comes in `seconds`, or one over `limit` bytes."""
    request = httpx.Request(
        method,
        url,
        data=dict(form) if form is not None else None,
        # Uncompressed: a small compressed answer can be a very large one.
        headers={
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": USER_AGENT,
            **(headers or {}),
        },
        extensions={"timeout": httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)).as_dict()},
    )
    try:
        async with asyncio.timeout(seconds):
            return await _reply(http, request, limit)
    except (httpx.RequestError, TimeoutError):
        raise LaunchRefused(_SILENT) from None


async def _reply(http: httpx.AsyncClient, request: httpx.Request, limit: int) -> Reply:
    # The request is not built by the client: its cookie jar is shared by every clinician.
    response = await http.send(request, stream=True, auth=None, follow_redirects=False)
    try:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > limit:
                raise LaunchRefused(_TOO_LONG)
    finally:
        await response.aclose()
    return Reply(response.status_code, _object(bytes(body)))


def _object(body: bytes) -> Mapping[str, Any] | None:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None
