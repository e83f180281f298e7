"""The house joined with its sandbox in one process: app, record system and charity, no socket opened."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from ipvscreen.sandbox.charity import create_charity
from ipvscreen.sandbox.directory import services_bundle
from ipvscreen.sandbox.ehr import create_ehr
from pydantic import SecretStr

from ipvscreen.app import create_app, import_services
from ipvscreen.settings import Ehr, Numbers, Settings

APP, EHR, SERVICE = "https://app.test", "https://ehr.test", "https://service.test"
TOKEN = "reads-everything-here"


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    at: datetime = field(default_factory=lambda: datetime(2026, 3, 2, 10, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class House:
    """Everything joined; `browser()` makes a fresh one, with cookies of its own."""

    app: Any
    ehr: Any
    charity: Any
    clock: Clock
    settings: Settings
    transports: dict[str, httpx.AsyncBaseTransport]

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(mounts=self.transports, base_url=APP, follow_redirects=True)

    def reader(self, base: str = EHR) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            mounts=self.transports, base_url=f"{base}/fhir", headers={"Authorization": f"Bearer {TOKEN}"}
        )


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """The joined house on a fresh store."""
    async with open_house(tmp_path) as joined:
        yield joined


@asynccontextmanager
async def open_house(folder: Path, clock: Clock | None = None) -> AsyncIterator[House]:
    """App, record system and charity, on https and without a socket."""
    clock = clock or Clock()
    settings = settings_for(folder)
    ehr = create_ehr(
        base_url=EHR,
        app_launch_url=f"{APP}/launch",
        client_id="health-questionnaire",
        redirect_uris=(f"{APP}/callback",),
        token=TOKEN,
        clock=clock,
    )
    charity = create_charity(base_url=SERVICE, token=TOKEN, clock=clock)
    transports: dict[str, httpx.AsyncBaseTransport] = {
        EHR: httpx.ASGITransport(ehr),
        SERVICE: httpx.ASGITransport(charity),
    }
    outgoing = httpx.AsyncClient(mounts=transports)
    app = create_app(settings, http=outgoing, clock=clock)
    await import_services(settings, services_bundle(f"{SERVICE}/fhir"))
    async with app.router.lifespan_context(app):
        everything = transports | {APP: httpx.ASGITransport(app)}
        yield House(app, ehr, charity, clock, settings, everything)


def settings_for(folder: Path) -> Settings:
    """Settings of a deployment with one record system."""
    return Settings(
        public_url=APP,
        database=f"sqlite+aiosqlite:///{folder / 'store.db'}",
        key="now",
        keys={"now": SecretStr(base64.b64encode(bytes(range(32))).decode())},
        ehr=(
            Ehr(
                name="sandbox",
                iss=f"{EHR}/fhir",
                client_id="health-questionnaire",
                exit_url=f"{EHR}/",
                told_if_no_answer="the practice manager",
            ),
        ),
        numbers=Numbers(helpline="0808 157 0142", lead="01632 960 001", advocate="01632 960 002"),
    )
