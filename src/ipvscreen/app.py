"""The one place where the parts are joined: settings, store, forms, services, pages."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from ipvscreen.delivery.dispatcher import Dispatcher
from ipvscreen.ipv.instruments import FORMS
from ipvscreen.ipv.person import Setting
from ipvscreen.ipv.validity import Row, rows_of
from ipvscreen.resources.directory import service_of
from ipvscreen.resources.scopes import REQUESTED
from ipvscreen.sdc.form import Form
from ipvscreen.sdc.load import load_form
from ipvscreen.settings import Ehr, Settings
from ipvscreen.store.facade import migrate, open_store
from ipvscreen.store.sealed import Ring
from ipvscreen.web.pages import make_web
from ipvscreen.web.rooms import EhrEntry, Rooms
from ipvscreen.web.security import Policy
from ipvscreen.web.templates import environment, static_files
from ipvscreen.web.words import Numbers

_HERE = Path(__file__).resolve().parent
_NOT_FORMS = ("validity.json",)


def utc_now() -> datetime:
    """The clock of a real deployment."""
    return datetime.now(UTC)


def create_app(
    settings: Settings, *, http: httpx.AsyncClient | None = None, clock: Callable[[], datetime] = utc_now
) -> FastAPI:
    """The app; the store opens and the dispatcher runs for as long as its lifespan does.

    ValueError or FormRefused at once where a key or a questionnaire cannot be used.
    """
    ring = ring_of(settings)
    questionnaires = read_questionnaires(data_folder("questionnaires"))
    policy = Policy.of(
        settings.public_url, (origin for ehr in settings.ehr for origin in ehr.frame_ancestors)
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        store = await open_store(settings.database, ring)
        client = http or httpx.AsyncClient()
        dispatcher = Dispatcher(store, client, clock)
        stop = asyncio.Event()
        running = asyncio.create_task(dispatcher.run(stop))
        app.state.rooms = Rooms(
            store=store,
            http=client,
            dispatcher=dispatcher,
            ring=ring,
            clock=clock,
            policy=policy,
            **_reading(settings, *questionnaires),
        )
        try:
            yield
        finally:
            stop.set()
            await running
            await client.aclose()
            await store.close()

    return make_web(lifespan, policy)


def _reading(settings: Settings, forms: Mapping[str, Form], validity: Sequence[Row]) -> dict[str, Any]:
    """What the pages only read, by its name in Rooms."""
    smart_app = data_folder("smart_app")
    return {
        "forms": forms,
        "validity": validity,
        "ehrs": {ehr.name: _entry(ehr) for ehr in settings.ehr},
        "public_url": settings.public_url,
        "templates": environment(smart_app),
        "static": static_files(smart_app),
        "numbers": Numbers(**settings.numbers.model_dump()),
    }


def ring_of(settings: Settings) -> Ring:
    """The keys that seal what is stored."""
    current, keys = settings.ring()
    return Ring(keys, current)


def data_folder(name: str) -> Path:
    """`smart_app` or `questionnaires`: inside the installed package, or beside it in a checkout."""
    for folder in (_HERE / name, _HERE.parent.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"the folder {name} is missing from this installation")


def read_questionnaires(folder: Path) -> tuple[dict[str, Form], tuple[Row, ...]]:
    """Every form of the folder by its name, and what is known of its validity.

    FormRefused for a bad one; FileNotFoundError at start, not in a visit, for one that visits need.
    """
    files = (path for path in sorted(folder.glob("*.json")) if path.name not in _NOT_FORMS)
    forms = {form.name: form for form in (load_form(_json(path)) for path in files)}
    if missing := set(FORMS) - forms.keys():
        raise FileNotFoundError(f"questionnaires are missing: {', '.join(sorted(missing))}")
    return forms, rows_of(_json(folder / "validity.json"))


async def import_services(settings: Settings, bundle: Mapping[str, Any]) -> int:
    """Replace the directory by the Bundle's HealthcareServices; how many. ValueError leaves it as it was."""
    resources = [entry["resource"] for entry in bundle.get("entry", ())]
    services = [service_of(resource) for resource in resources]
    if len({service.id for service in services}) != len(services):
        raise ValueError("two services have the same id")
    store = await open_store(settings.database, ring_of(settings))
    try:
        await store.services.replace(resources)
    finally:
        await store.close()
    return len(services)


async def migrate_store(settings: Settings) -> None:
    """Bring the store to this version's tables."""
    await migrate(settings.database)


def _entry(ehr: Ehr) -> EhrEntry:
    return EhrEntry(
        name=ehr.name,
        iss=ehr.iss,
        client_id=ehr.client_id,
        scope=ehr.scope or REQUESTED,
        default_setting=Setting(ehr.setting),
        exit_url=ehr.exit_url,
        frame_ancestors=ehr.frame_ancestors,
        who_can_see=ehr.who_can_see,
        told_if_no_answer=ehr.told_if_no_answer,
    )


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
