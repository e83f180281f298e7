"""Many visits open at once: what each costs the workers in memory, and the store on disk."""

import asyncio
import base64
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from processes import App, RecordSystem
from visitor import Visitor

from ipvscreen.store.facade import Store, open_store
from ipvscreen.store.sealed import Ring
from ipvscreen.store.visit import Visit
from ipvscreen.web.cookies import hashed, visit_cookie

READERS = 4


async def memory_of_visits(app: App, system: RecordSystem, number: int) -> str:
    """Copies of one real visit, each opened by its own browser; a sentence with the figures."""
    async with Visitor() as browser:
        page = await browser.get(system.launch)
    url = app.folder / "ipvscreen.db"
    store = await open_store(
        f"sqlite+aiosqlite:///{url}", Ring({"one": base64.b64decode(app.keys["one"])}, "one")
    )
    try:
        pattern = await store.visits.get(page.url.path.split("/")[-2])
        assert pattern is not None  # noqa: S101  it was just opened
        await _read(app, [await _copy(store, pattern) for _ in range(200)])  # warm
        memory, disk = _resident(app), url.stat().st_size
        opened = [await _copy(store, pattern) for _ in range(number)]
        await _read(app, opened)
        memory, disk = _resident(app) - memory, url.stat().st_size - disk
    finally:
        await store.close()
    return (
        f"{number:,} open visits, each shown once: {memory / number / 1024:.2f} KiB a visit in the workers"
        f" ({memory / 2**20:.1f} MiB in all), {disk / number / 1024:.1f} KiB a visit in the store"
    )


async def _copy(store: Store, pattern: Visit) -> tuple[str, str]:
    """Another visit like it, of a clinician of its own; its id and the value of its cookie."""
    value, ident, now = secrets.token_urlsafe(32), secrets.token_urlsafe(16), datetime.now(UTC)
    end = now + timedelta(hours=1)
    copy = replace(
        pattern, id=ident, user_key=ident, cookie_hash=hashed(value), opened_at=now, expires_at=end, version=1
    )
    await store.visits.create(copy, replace(await store.visits.grant(pattern.id), expires_at=end))
    return ident, value


async def _read(app: App, opened: list[tuple[str, str]]) -> None:
    left = iter(opened)

    async def reader() -> None:
        async with httpx.AsyncClient(base_url=app.url, timeout=60) as http:
            for ident, value in left:
                cookie = {"Cookie": f"{visit_cookie(ident)}={value}"}
                (await http.get(f"/v/{ident}/start", headers=cookie)).raise_for_status()

    await asyncio.gather(*(reader() for _ in range(READERS)))


def _resident(app: App) -> int:
    """Bytes of the workers' own memory, shared pages counted in part (PSS)."""
    rollups = (Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii") for pid in app.workers())
    lines = (line for text in rollups for line in text.splitlines() if line.startswith("Pss:"))
    return sum(int(line.split()[1]) * 1024 for line in lines)
