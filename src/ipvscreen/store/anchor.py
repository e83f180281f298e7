"""The anchor: how far the audit log has come, in a file outside the database that only grows."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog

from ipvscreen.errors import IpvscreenError
from ipvscreen.ipv.audit import Head
from ipvscreen.store.audit import AuditLog

EVERY = 600.0  # seconds


class AnchorUnreadable(IpvscreenError):
    """A line of the file that no anchor is."""


async def anchor(log: AuditLog, file: Path, now: datetime) -> Head:
    """Add a line to `file` (time, number of rows, head), on disk when this returns; what it says.

    Where the last line says the same, none is added. OSError where the file cannot be written.
    """
    head = await log.head()
    await asyncio.to_thread(_add, file, head, now)
    return head


def anchors(file: Path) -> list[Head]:
    """What the lines of `file` say, oldest first; none where it is not there."""
    if not file.exists():
        return []
    lines = file.read_text(encoding="utf-8").splitlines()
    return [_read(number, line) for number, line in enumerate(lines, start=1)]


@asynccontextmanager
async def anchoring(
    log: AuditLog, file: Path, clock: Callable[[], datetime], every: float = EVERY
) -> AsyncIterator[None]:
    """Anchors now, after each `every` seconds, and at the end.

    The first one fails as `anchor` does, so that a wrong path is seen at start; later ones never end a visit.
    """
    await anchor(log, file, clock())
    running = asyncio.create_task(_running(log, file, clock, every))
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await _tried(log, file, clock())


async def _running(log: AuditLog, file: Path, clock: Callable[[], datetime], every: float) -> None:
    while True:
        await asyncio.sleep(every)
        await _tried(log, file, clock())


async def _tried(log: AuditLog, file: Path, now: datetime) -> None:
    try:
        await anchor(log, file, now)
    except (OSError, IpvscreenError) as wrong:
        structlog.get_logger().warning("anchor.fault", kind=type(wrong).__name__)


def _add(file: Path, head: Head, now: datetime) -> None:
    known = anchors(file)
    if known and known[-1] == head:
        return
    line = f"{now.astimezone(UTC).isoformat(timespec='seconds')} {head.count} {head.mac or '-'}\n"
    # One write of a short line in append mode: several processes of ours may do so at once.
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, line.encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(number: int, line: str) -> Head:
    try:
        _, count, mac = line.split()
        return Head(int(count), "" if mac == "-" else mac)
    except ValueError:
        raise AnchorUnreadable(f"Line {number} of the anchor file cannot be read.") from None
