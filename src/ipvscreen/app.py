"""The one place where the parts are joined: settings, store, forms, services, pages."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI

from ipvscreen.delivery.dispatcher import Dispatcher
from ipvscreen.delivery.mail import Send, sender_of
from ipvscreen.delivery.notices import Notices
from ipvscreen.delivery.outside import outside
from ipvscreen.ehr.guard import Through, guarded
from ipvscreen.ehr.points import LEASE, Care, Reached, unheard
from ipvscreen.ipv.retention import Days
from ipvscreen.ipv.services import Service, keeping_places
from ipvscreen.library import Library
from ipvscreen.parts import data_folder, entry_of, library_of, mailboxes_of
from ipvscreen.pathway.purge import Purger
from ipvscreen.resources.bundle import read_bundle
from ipvscreen.resources.directory import kept_service, resource_of
from ipvscreen.resources.labels import Labels
from ipvscreen.settings import Ehr, Settings
from ipvscreen.smart.client import TokenAuth
from ipvscreen.smart.keys import new_signing_key
from ipvscreen.store.anchor import anchoring
from ipvscreen.store.facade import open_store
from ipvscreen.store.sealed import Ring
from ipvscreen.store.signing_keys import NewKey
from ipvscreen.web.inbox.place import place_of, policy_of_inbox
from ipvscreen.web.limits import Limits
from ipvscreen.web.observe import ehr_told
from ipvscreen.web.pages import make_web
from ipvscreen.web.recovery import Recovery
from ipvscreen.web.rooms import EhrEntry, Rooms
from ipvscreen.web.security import Policy
from ipvscreen.web.templates import environments, static_files
from ipvscreen.web.watch import Watch
from ipvscreen.web.words import Numbers

# An idle connection: many servers close theirs after five seconds, and what is sent at that moment is lost.
_KEPT_SECONDS = 3.0


def utc_now() -> datetime:
    """The clock of a real deployment."""
    return datetime.now(UTC)


def create_app(
    settings: Settings,
    *,
    http: httpx.AsyncClient | None = None,
    clock: Callable[[], datetime] = utc_now,
    lease: timedelta = LEASE,
    reached: Reached = unheard,
    deliver: bool = True,
) -> FastAPI:
    """The app; the store opens and the dispatcher runs for as long as its lifespan does.

    With `http`, everything that leaves the app goes through that client. `lease`: after how long a write
    counts as left behind; `reached` hears of each named point of one. Without `deliver` another process has
    to send what waits in the outbox. ValueError or FormRefused where a key, form or pack cannot be used.
    """
    ring, library = ring_of(settings), library_of(settings)
    policy = Policy.of(settings.public_url)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            parts = {"ring": ring, "clock": clock, "policy": policy, "care": Care(clock, lease, reached)}
            read = _reading(settings, library)
            rooms = await _joined(stack, settings, http, library.labels, **parts, **read)
            if deliver:
                await stack.enter_async_context(_running(rooms.dispatcher.run))
            app.state.rooms = rooms
            stack.push_async_callback(rooms.sharing.close)
            await stack.enter_async_context(_minded(rooms, settings))
            yield

    token = settings.metrics_token
    secret = token.get_secret_value() if token else None
    inbox = policy_of_inbox(settings.inbox.origin, _base(settings)) if settings.inbox else None
    return make_web(lifespan, policy, inbox=inbox, base=_base(settings), metrics_token=secret)


async def _joined(
    stack: AsyncExitStack,
    settings: Settings,
    http: httpx.AsyncClient | None,
    labels: Mapping[str, Labels],
    **parts: Any,
) -> Rooms:
    """The rooms around an open store and running clients, which the stack closes in the reverse order."""
    ring, clock = parts["ring"], parts["clock"]
    shares = frozenset(ehr.name for ehr in settings.ehr if ehr.audit_events)
    store = await open_store(settings.database, ring, shares=shares)
    stack.push_async_callback(store.close)
    if settings.audit_anchor:
        await stack.enter_async_context(anchoring(store.audit, settings.audit_anchor, clock))
    if any(TokenAuth(ehr.token_auth) is TokenAuth.PRIVATE_KEY_JWT for ehr in settings.ehr):
        await store.signing_keys.ensure(fresh_signing_keys, clock())
    outgoing, to_services = http or httpx.AsyncClient(), http or outside(settings.inside_hosts)
    for client in (outgoing, to_services):
        stack.push_async_callback(client.aclose)
    dispatcher = Dispatcher(store, to_services, clock, jwks_url=jwks_url_of(settings))
    mail = settings.mail is not None
    ehrs = {ehr.name: await _entry(stack, ehr, http, labels, mail=mail) for ehr in settings.ehr}
    await stack.enter_async_context(_running(Purger(store, days_of(settings), clock).run))
    limits = Limits(settings.launches_per_minute, settings.launches_per_address)
    parts["told"] = frozenset(settings.mail.services if settings.mail and settings.inbox else ())
    parts["inbox"] = settings.inbox and place_of(**settings.inbox.model_dump())
    return Rooms(store=store, ehrs=ehrs, http=outgoing, dispatcher=dispatcher, limits=limits, **parts)


async def _entry(
    stack: AsyncExitStack,
    ehr: Ehr,
    http: httpx.AsyncClient | None,
    labels: Mapping[str, Labels],
    *,
    mail: bool,
) -> EhrEntry:
    """With a client for its log apart, whose failures are nobody's: a log that hangs harms no record."""
    told = {"told": partial(ehr_told, ehr.name)}
    entry = entry_of(ehr, await stack.enter_async_context(_client(ehr, http, told)), labels, mail=mail)
    log = await stack.enter_async_context(_client(ehr, http, {})) if ehr.audit_events else None
    return replace(entry, log=log)


@asynccontextmanager
async def _minded(rooms: Rooms, settings: Settings) -> AsyncIterator[None]:
    """What was left behind is finished, and what waits is heard of."""
    watch = Watch(rooms, notices_of(settings, rooms))
    async with _running(Recovery(rooms).run), _running(watch.run):
        yield


@asynccontextmanager
async def _running(run: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(run(stop))
    try:
        yield
    finally:
        stop.set()
        await running


def _client(ehr: Ehr, http: httpx.AsyncClient | None, more: Mapping[str, Any]) -> httpx.AsyncClient:
    """The guarded client of one record system, with connections of its own unless `http` is given."""
    limits = httpx.Limits(
        max_connections=ehr.at_most,
        max_keepalive_connections=ehr.at_most,
        keepalive_expiry=_KEPT_SECONDS,
    )
    through = Through(http or httpx.AsyncClient(limits=limits), close=http is None)
    return httpx.AsyncClient(transport=guarded(through, at_most=ehr.at_most, **more))


def _reading(settings: Settings, library: Library) -> dict[str, Any]:
    """What the pages only read, by its name in Rooms."""
    smart_app = data_folder("smart_app")
    return {
        "forms": library.forms,
        "packs": library.packs,
        "validity": library.validity,
        "public_url": settings.public_url,
        "templates": environments(smart_app, _base(settings)),
        "static": static_files(smart_app),
        "letter": (smart_app / "letter.typ").read_bytes(),
        "numbers": Numbers(**settings.numbers.model_dump()),
    }


def notices_of(settings: Settings, rooms: Rooms, send: Send | None = None) -> Notices | None:
    """What tells mailboxes of what waits; None where no mail server is set."""
    if settings.mail is None:
        return None
    return Notices(rooms.store.alerts, send or sender_of(settings.mail), mailboxes_of(settings), rooms.clock)


def fresh_signing_keys() -> list[NewKey]:
    """A key of each kind that a record system may ask for (SMART 2.2: a client supports both)."""
    made = [new_signing_key("ES384"), new_signing_key("RS384")]
    return [NewKey(key.kid, key.alg, key.jwk) for key in made]


def ring_of(settings: Settings) -> Ring:
    """The keys that seal what is stored."""
    current, keys = settings.ring()
    return Ring(keys, current)


def jwks_url_of(settings: Settings) -> str:
    """Where record systems and services fetch the public halves of our keys."""
    return f"{settings.public_url.rstrip('/')}/jwks.json"


def days_of(settings: Settings) -> Days:
    """How long each table is kept."""
    return Days(**settings.retention.model_dump())


async def import_services(settings: Settings, bundle: Mapping[str, Any]) -> int:
    """Replace the directory by the Bundle's HealthcareServices; how many. ValueError leaves it as it was."""
    return await keep_services(settings, read_bundle(bundle).services)


async def keep_services(settings: Settings, services: Iterable[Service]) -> int:
    """Replace the directory by these, but for what was said later of their places; how many.

    Who asks for a token finds keys of ours that sign.
    """
    kept = list(services)
    store = await open_store(settings.database, ring_of(settings))
    try:
        before = dict(_readable(await store.services.all()))
        resources = [resource_of(keeping_places(one, before.get(one.id))) for one in kept]
        await store.services.replace(resources)
        if any(service.backend for service in kept):
            await store.signing_keys.ensure(fresh_signing_keys, utc_now())
    finally:
        await store.close()
    return len(resources)


def _readable(resources: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Service]]:
    """By id; what cannot be read any more must not keep a new directory out."""
    for resource in resources:
        with suppress(ValueError):
            yield resource["id"], kept_service(resource)


def _base(settings: Settings) -> str:
    """The path below which the app is browsed."""
    return urlsplit(settings.public_url).path.rstrip("/")
