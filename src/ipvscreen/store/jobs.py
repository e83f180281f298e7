"""Messages as they lie in the outbox: put in, leased to a sender, read again."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ipvscreen.ipv.services import Backend, SigningAlg
from ipvscreen.store.sealed import SealedTable
from ipvscreen.store.tables import outbox


class Status(StrEnum):
    """Where a message stands; one that was refused stays, sealed, until a person decides."""

    READY = "ready"
    BY_HAND = "by-hand"  # for a person; no sender takes it
    HANDED = "handed"  # a letter that is under way, kept in case it does not come
    DONE = "done"
    REFUSED = "refused"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class NewJob:
    """A message to send: `key` stays the same at every attempt, `correlation` over the whole referral.

    `asked`: the same as a value (see `store.asked`), where the service signs in here and reads no Bundle.
    """

    key: str
    correlation: str
    endpoint: str
    body: Mapping[str, Any]
    asked: Mapping[str, Any] | None = None
    by_hand: bool = False
    backend: Backend | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A message leased for sending; `attempts` counts this one, `lease` shows that it is ours to settle."""

    id: str
    referral_id: str
    key: str
    correlation: str
    endpoint: str
    body: dict[str, Any]
    attempts: int
    lease: str
    queued_at: datetime
    asked: dict[str, Any] | None = None
    backend: Backend | None = None  # how a token is got for the endpoint


async def enqueue(
    connection: AsyncConnection, sealed: SealedTable, job: NewJob, referral_id: str, queued_at: datetime
) -> None:
    """Put a message into the outbox, due at once, after the others of its referral.

    Within a transaction of the caller's, who alone writes then: `number` is counted there.
    """
    row = secrets.token_hex(16)
    before = select(func.coalesce(func.max(outbox.c.number), 0)).where(outbox.c.referral_id == referral_id)
    # The endpoint is sealed with the body: who can write to the file must not redirect a message.
    message = {
        "correlation": job.correlation,
        "endpoint": job.endpoint,
        "body": dict(job.body),
        "asked": job.asked and dict(job.asked),
        "backend": job.backend and asdict(job.backend),
    }
    values = {
        "id": row,
        "referral_id": referral_id,
        "key": job.key,
        "status": Status.BY_HAND if job.by_hand else Status.READY,
        "due": queued_at,
        "attempts": 0,
        "queued_at": queued_at,
        "recipient": recipient_of(sealed, job.endpoint),
        "number": (await connection.scalar(before) or 0) + 1,
        "message": sealed.seal("message", row, message),
    }
    await connection.execute(insert(outbox).values(values))


def job_of(sealed: SealedTable, row: RowMapping) -> Job:
    """The message that a leased row holds; SealBroken where it does not open."""
    plain = {name: row[name] for name in ("id", "referral_id", "key", "attempts", "lease", "queued_at")}
    opened = sealed.open("message", row["id"], row["message"])
    return Job(**(plain | opened | {"backend": backend_from_json(opened.get("backend"))}))


def backend_from_json(stored: Mapping[str, Any] | None) -> Backend | None:
    """How a token is got, as `enqueue` stored it."""
    return Backend(**{**stored, "alg": SigningAlg(stored["alg"])}) if stored else None


def recipient_of(sealed: SealedTable, endpoint: str) -> str:
    """The blind index by which messages to one endpoint are counted."""
    return sealed.indexes("recipient", endpoint.rstrip("/"))[0]
