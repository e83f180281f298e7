"""The record system's FHIR REST API, spoken to one base address with one clinician's token."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from ipvscreen.ehr.exchange import ANSWER_BYTES, TOTAL_SECONDS, Answer, exchange, own_words
from ipvscreen.ehr.repeat import TRIES
from ipvscreen.errors import EhrRefused, EhrUnreachable
from ipvscreen.messages import message

METADATA_BYTES = 5_000_000  # a full CapabilityStatement of a large server is over a megabyte
_WHO = message("The record system")
_KIND = re.compile(r"[A-Z][A-Za-z]{1,63}")
_ID = re.compile(r"(?!\.+$)[A-Za-z0-9\-.]{1,64}")  # R4 id; dots alone would climb out of the path
_TAIL = re.compile(
    r"(?:^|/)(?P<reference>[A-Z][A-Za-z]{1,63}/(?!\.+(?:/|$))[A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?/?$"
)

_WORDS = {
    400: message("The record system did not understand the request."),
    401: message("The record system no longer accepts this sign-in."),
    403: message("The record system does not allow this with your role or this sign-in."),
    404: message("The record system does not hold this."),
    409: message("The record system says that this conflicts with what it holds."),
    412: message("The record system holds this in another version, or more than once."),
    422: message("The record system did not accept the entry."),
    429: message("The record system is too busy just now."),
    503: message("The record system is not available just now."),
}


@dataclass(frozen=True, slots=True)
class Created:
    """What a create or a transaction's entry came to: `Type/id` and the body, None where not told."""

    reference: str | None
    body: dict[str, Any] | None


class FhirClient:
    """Reads and writes below `base`, and nowhere else; `token` is asked for at each request ("" for none).

    What only reads is repeated within the seconds of one request (ehr.repeat); the rest is sent once.
    EhrUnreachable where no usable answer came, EhrRefused, with the system's own words, where it said no.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        base: str,
        token: Callable[[], Awaitable[str]],
        *,
        seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._http = http
        self._base = base.rstrip("/")
        self._token = token
        self._seconds = seconds

    async def read(self, kind: str, ident: str) -> dict[str, Any]:
        """One resource by id; ValueError for what is no FHIR type or id."""
        answer = await self._ask("GET", f"/{_checked(_KIND, kind)}/{_checked(_ID, ident)}")
        return _resource(answer, kind)

    async def search(
        self, kind: str, params: Mapping[str, str], *, seconds: float | None = None
    ) -> list[dict[str, Any]]:
        """The matches on the first page; no link is followed. Parameters hold ids, never names or dates.

        `seconds`: how long this answer may take, where that is less than for others.
        HAPI reuses the result of an equal search for a minute unless told not to
        (hapifhir/hapi-fhir#2277), and a server may skip a parameter it does not know unless told to be
        strict (R4, search handling).
        """
        headers = {"Cache-Control": "no-cache", "Prefer": "handling=strict"}
        path = f"/{_checked(_KIND, kind)}"
        answer = await self._ask("GET", path, params=params, headers=headers, seconds=seconds)
        found = (entry.get("resource") for entry in _entries(answer) if _is_match(entry))
        return [body for body in found if isinstance(body, dict) and body.get("resourceType") == kind]

    async def create(self, body: Mapping[str, Any], if_none_exist: str | None = None) -> Created:
        """Create one resource; with `if_none_exist` (a search) only where it finds none yet."""
        kind = _checked(_KIND, str(body.get("resourceType", "")))
        headers = {"Prefer": "return=representation"}
        if if_none_exist is not None:
            headers["If-None-Exist"] = if_none_exist
        answer = await self._ask("POST", f"/{kind}", body=body, headers=headers)
        # The Location of the public SMART launcher points at the server behind it: only its tail counts.
        places = (answer.headers.get("Location"), answer.headers.get("Content-Location"))
        return _created(kind, answer.body, places)

    async def transaction(self, bundle: Mapping[str, Any]) -> list[Created]:
        """All entries or none; as many Created, in the same order, as `bundle` has entries."""
        answer = await self._ask("POST", "", body=bundle)
        sent, entries = bundle["entry"], _entries(answer)
        if len(entries) != len(sent):
            return [Created(None, None)] * len(sent)
        return [
            _of_entry(one["resource"]["resourceType"], entry)
            for one, entry in zip(sent, entries, strict=True)
        ]

    async def batch(self, bundle: Mapping[str, Any]) -> list[Created | EhrRefused]:
        """Each entry on its own; as many answers, in the same order, as `bundle` has entries."""
        answer = await self._ask("POST", "", body=bundle)
        sent, entries = bundle["entry"], _entries(answer)
        if len(entries) != len(sent):
            return [Created(None, None)] * len(sent)
        return [
            _refused_in(entry) or _of_entry(one["resource"]["resourceType"], entry)
            for one, entry in zip(sent, entries, strict=True)
        ]

    async def vread(self, kind: str, ident: str, version: str) -> dict[str, Any]:
        """One version of a resource, by its `meta.versionId`."""
        path = f"/{_checked(_KIND, kind)}/{_checked(_ID, ident)}/_history/{_checked(_ID, version)}"
        return _resource(await self._ask("GET", path), kind)

    async def history(self, kind: str, ident: str) -> list[dict[str, Any]]:
        """The versions on the first page of one resource's history, but for a deletion, which has no body."""
        path = f"/{_checked(_KIND, kind)}/{_checked(_ID, ident)}/_history"
        answer = await self._ask("GET", path, headers={"Cache-Control": "no-cache"})
        bodies = (entry.get("resource") for entry in _entries(answer))
        return [body for body in bodies if isinstance(body, dict) and body.get("resourceType") == kind]

    async def update(self, body: Mapping[str, Any], version: str | None = None) -> None:
        """Replace the resource of this type and id; with `version` only where that is the current one."""
        kind = _checked(_KIND, str(body.get("resourceType", "")))
        ident = _checked(_ID, str(body.get("id", "")))
        # Weak on purpose: FHIR's entity tags are (R4, Managing Resource Contention).
        headers = {"If-Match": f'W/"{_checked(_ID, version)}"'} if version else {}
        await self._ask("PUT", f"/{kind}/{ident}", body=body, headers=headers)

    async def delete(self, kind: str, ident: str) -> None:
        """Delete one resource; whether it is gone tells only the next read."""
        await self._ask("DELETE", f"/{_checked(_KIND, kind)}/{_checked(_ID, ident)}")

    async def capability(self) -> dict[str, Any]:
        """The CapabilityStatement."""
        return _resource(await self._ask("GET", "/metadata", limit=METADATA_BYTES), "CapabilityStatement")

    async def time(self) -> datetime | None:
        """What the server's clock says, to the second (Date header); None where it tells no time."""
        said = (await self._ask("GET", "/metadata", limit=METADATA_BYTES)).headers.get("Date")
        try:
            at = parsedate_to_datetime(said) if said else None
        except ValueError:
            return None
        return at.astimezone(UTC) if at and at.tzinfo else None

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        limit: int = ANSWER_BYTES,
        seconds: float | None = None,
    ) -> Answer:
        token = await self._token()
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await exchange(
            self._http,
            method,
            self._base + path,
            who=_WHO,
            params=params,
            body=body,
            headers={**bearer, **(headers or {})},
            limit=limit,
            seconds=seconds or self._seconds,
            tries=TRIES if method == "GET" else 1,
        )
        if not answer.ok:
            raise _refusal(answer.status, answer.body)
        return answer


def plain_http() -> httpx.AsyncClient:
    """A connection pool for a command; the app opens its own."""
    return httpx.AsyncClient()


def tail(reference: object) -> str | None:
    """`Type/id` at the end of a relative or absolute reference or address, without its version."""
    match = _TAIL.search(reference) if isinstance(reference, str) else None
    return match["reference"] if match else None


def _checked(grammar: re.Pattern[str], value: str) -> str:
    if not grammar.fullmatch(value):
        raise ValueError("not a FHIR resource type or id")
    return value


def _resource(answer: Answer, kind: str) -> dict[str, Any]:
    if answer.body is None or answer.body.get("resourceType") != kind:
        raise EhrUnreachable(message("The record system's answer could not be read."), may_have_happened=True)
    return answer.body


def _entries(answer: Answer) -> list[dict[str, Any]]:
    entries = _resource(answer, "Bundle").get("entry")
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _is_match(entry: Mapping[str, Any]) -> bool:
    search = entry.get("search")
    return not isinstance(search, dict) or search.get("mode") in (None, "match")


def _of_entry(kind: str, entry: Mapping[str, Any]) -> Created:
    response = entry.get("response")
    told = response if isinstance(response, dict) else {}
    if not str(told.get("status", "")).startswith("2"):
        return Created(None, None)
    return _created(kind, entry.get("resource"), (told.get("location"),))


def _refused_in(entry: Mapping[str, Any]) -> EhrRefused | None:
    """The refusal of one entry of a batch; None where it was taken, or where no status can be read."""
    response = entry.get("response")
    told = response if isinstance(response, dict) else {}
    status = str(told.get("status", ""))[:3]
    outcome = told.get("outcome")
    if not status.isdecimal() or status.startswith("2"):
        return None
    return _refusal(int(status), outcome if isinstance(outcome, dict) else None)


def _refusal(status: int, body: Mapping[str, Any] | None) -> EhrRefused:
    fallback = _WORDS.get(status, message("{who} answered with status {status}.", who=_WHO, status=status))
    return EhrRefused(status, own_words(body) or fallback)


def _created(kind: str, body: object, places: tuple[object, ...]) -> Created:
    """The id from the body, else from where the server says it is (client-js#86, medplum#3057)."""
    stored = body if isinstance(body, dict) and body.get("resourceType") == kind else None
    own = [f"{kind}/{stored['id']}"] if stored and stored.get("id") else []
    references = [tail(place) for place in (*own, *places)]
    reference = next((r for r in references if r and r.startswith(f"{kind}/")), None)
    return Created(reference, stored)
