"""The demonstration: sandbox record system, charity and app in one process, each on its own port."""

import base64
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from starlette.types import ASGIApp, Receive, Scope, Send

from ipvscreen.app import create_app, import_services, utc_now
from ipvscreen.delivery.mail_server import MailServer
from ipvscreen.ipv.hours import DAYS
from ipvscreen.ipv.staffed import Staffed
from ipvscreen.sandbox.charity import create_charity
from ipvscreen.sandbox.directory import services_bundle
from ipvscreen.sandbox.ehr import create_ehr
from ipvscreen.sandbox.flaws import FLAWS
from ipvscreen.sandbox.mailbox import Mailbox, open_mailbox
from ipvscreen.sandbox.people import DUTY, LEAD
from ipvscreen.sandbox.profiles import PROFILES, SETTINGS
from ipvscreen.sandbox.registration import Auth
from ipvscreen.sandbox.service_tokens import SCOPE
from ipvscreen.sandbox.switches import Switches
from ipvscreen.sandbox.tickets import Clock
from ipvscreen.settings import Ehr, Inbox, Numbers, Settings

CLIENT_ID = "health-questionnaire"
EHR_NAME = "sandbox"
_GRACE = 2  # seconds that open connections get when it ends


@dataclass(frozen=True, slots=True)
class Demo:
    """What is served: apps by port, the addresses that a client needs; and the practice's mailbox."""

    apps: Mapping[int, ASGIApp]
    sockets: tuple[socket.socket, ...]
    ehr: Any
    charity: Any
    clinic: str
    addresses: Mapping[str, str]
    settings: Settings
    mailbox: Mailbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to the app of the port it came in by; the lifespan is the app's own."""
        port = scope["server"][1] if scope["type"] != "lifespan" else next(iter(self.apps))
        await self.apps[port](scope, receive, send)

    async def serve(self, server: uvicorn.Server | None = None) -> None:
        """Serve until a signal ends it, or whoever gave the server says so."""
        await (server or self.server()).serve(sockets=list(self.sockets))

    def server(self) -> uvicorn.Server:
        """The server of all three; `should_exit` ends it."""
        config = uvicorn.Config(
            self,
            access_log=False,
            server_header=False,
            log_level="warning",
            timeout_graceful_shutdown=_GRACE,
        )
        return uvicorn.Server(config)


@asynccontextmanager
async def open_demo(
    ports: tuple[int, int, int],
    *,
    switches: Switches | None = None,
    flaws: Iterable[str] = (),
    profile: str | None = None,
    auth: Auth = "none",
    service_tokens: bool = False,
    clock: Clock = utc_now,
    **ehr_settings: Any,
) -> AsyncIterator[Demo]:
    """Everything joined on free loopback ports (the preferred ones where they are free).

    `switches` and `flaws` (names of FLAWS, else KeyError) make the record system fail, `profile` (a name of
    PROFILES) behave as that one; `auth` is how the app proves who it is, `ehr_settings` more of its entry.
    With `service_tokens` the charity takes messages with its own tokens alone. `clock` is everybody's.
    """
    more = {**SETTINGS.get(profile or "", {}), **ehr_settings, "token_auth": auth}
    async with AsyncExitStack() as stack:
        box = await stack.enter_async_context(open_mailbox())
        sockets = tuple(stack.enter_context(_listen(port)) for port in ports)
        folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        app_port, ehr_port, service_port = (s.getsockname()[1] for s in sockets)
        # The app is browsed as 127.0.0.1 and the others as localhost: else all would be same-site.
        app_url = f"http://127.0.0.1:{app_port}"
        ehr_url, service_url = (f"http://localhost:{port}" for port in (ehr_port, service_port))
        token = secrets.token_urlsafe(24)
        secret = more["client_secret"] = secrets.token_urlsafe(24) if auth == "client_secret_basic" else None
        settings = demo_settings(app_url, ehr_url, Path(folder) / "store.db", box.port, **more)
        await import_services(settings, _directory(service_url, clock().date(), by_token=service_tokens))
        switched = _switched(switches, profile, flaws)
        ehr = _record_system(app_url, ehr_url, token, switched, auth, secret, clock)
        charity = _charity(app_url, service_url, token, clock, by_token=service_tokens)
        apps = {app_port: create_app(settings, clock=clock), ehr_port: ehr, service_port: charity}
        addresses = {**_addresses(app_url, ehr_url, service_url), "token": token}
        yield Demo(apps, sockets, ehr, charity, f"{ehr_url}/", addresses, settings, box)


def _directory(service_url: str, day: date, *, by_token: bool) -> dict[str, Any]:
    """The services, all of them at the charity; `by_token`: where it gives tokens is said of each."""
    told = {"tokenUrl": f"{service_url}/auth/token", "tokenClient": CLIENT_ID, "tokenScope": SCOPE}
    return services_bundle(f"{service_url}/fhir", day, told if by_token else None)


def _charity(app_url: str, service_url: str, token: str, clock: Clock, *, by_token: bool) -> FastAPI:
    keys: dict[str, Any] = {"client_id": CLIENT_ID, "jwks_url": f"{app_url}/jwks.json"}
    return create_charity(base_url=service_url, token=token, clock=clock, **(keys if by_token else {}))


def _switched(switches: Switches | None, profile: str | None, flaws: Iterable[str]) -> Switches:
    switches = switches or Switches()
    if profile is not None:
        PROFILES[profile](switches)
    for name in flaws:
        FLAWS[name](switches)
    return switches


def _record_system(
    app_url: str,
    ehr_url: str,
    token: str,
    switches: Switches,
    auth: Auth,
    secret: str | None,
    clock: Clock,
) -> FastAPI:
    """The record system, in which our app is registered."""
    return create_ehr(
        base_url=ehr_url,
        app_launch_url=f"{app_url}/launch",
        client_id=CLIENT_ID,
        # The first is from before each record system had a path of its own.
        redirect_uris=(f"{app_url}/callback", f"{app_url}/callback/{EHR_NAME}"),
        token=token,
        clock=clock,
        switches=switches,
        auth=auth,
        client_secret=secret,
        jwks_url=f"{app_url}/jwks.json" if auth == "private_key_jwt" else None,
    )


def _addresses(app_url: str, ehr_url: str, service_url: str) -> dict[str, str]:
    """Where a client finds what; each GET of the four in the middle is a launch of its own."""
    return {
        "app": app_url,
        "inbox": f"{app_url.replace('127.0.0.1', 'localhost')}/i/in",
        "launch": f"{ehr_url}/launch/new",
        "framed": f"{ehr_url}/launch/framed",
        "list": f"{ehr_url}/launch/list",
        "standalone": f"{ehr_url}/launch/standalone",
        "ehr_fhir": f"{ehr_url}/fhir",
        "service_fhir": f"{service_url}/fhir",
    }


class _DemoSettings(Settings):
    """What is given and nothing else: no variable and no ipvscreen.toml of whoever runs the sandbox."""

    model_config = SettingsConfigDict(toml_file=None)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  pydantic-settings passes them all by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def demo_settings(app_url: str, ehr_url: str, database: Path, mail_port: int = 25, **ehr: Any) -> Settings:
    """Settings for the sandbox, with a key that lives as long as the process; `ehr`: more of its entry."""
    entry = {
        "name": EHR_NAME,
        "iss": f"{ehr_url}/fhir",
        "client_id": CLIENT_ID,
        "allow_http_loopback": True,
        "exit_url": f"{ehr_url}/",
        "frame_ancestors": (ehr_url,),
        "who_can_see": "In this sandbox: whoever holds its token. No patient portal reads them.",
        "told_if_no_answer": "the practice manager",
        "staffed": _staffed(),
    }
    return _DemoSettings(
        public_url=app_url,
        database=f"sqlite+aiosqlite:///{database}",
        inbox=_inbox(app_url, ehr_url),
        inside_hosts=("127.0.0.1", "localhost"),  # the sandbox's service is on this machine
        mail=MailServer(host="127.0.0.1", port=mail_port, security="none", sender="app@practice.example"),
        key="demo",
        keys={"demo": SecretStr(base64.b64encode(secrets.token_bytes(32)).decode())},
        ehr=(Ehr.model_validate(entry | ehr),),
        numbers=Numbers(helpline="0808 157 0142", lead="01632 960 001", advocate="01632 960 002"),
    )


def _staffed() -> Staffed:
    """Somebody who hears of what waits, by day."""
    return Staffed(
        members=frozenset({f"Practitioner/{DUTY.id}"}),
        lead=frozenset({f"Practitioner/{LEAD.id}"}),
        hours=dict.fromkeys(DAYS[:5], "08:00-18:30"),
        mailbox="duty@practice.example",
    )


def _inbox(app_url: str, ehr_url: str) -> Inbox:
    """Apart from the visits by its name: keys need `localhost` where there is no https."""
    origin = app_url.replace("127.0.0.1", "localhost")
    # Every browser of a demonstration comes from one address.
    return Inbox(origin=origin, exit_url=f"{ehr_url}/", attempts_per_address=300)


def _listen(port: int) -> socket.socket:
    """A loopback socket on that port, or on a free one where it is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.bind(("127.0.0.1", 0))
    listener.listen()  # before the addresses are told: who comes at once waits and is not refused
    return listener
