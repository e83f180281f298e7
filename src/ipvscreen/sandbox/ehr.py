"""The sandbox record system: a strict SMART EHR for loopback, in memory."""

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI

from ipvscreen.sandbox.auth import add_auth
from ipvscreen.sandbox.fhir_routes import add_fhir
from ipvscreen.sandbox.pages import add_pages
from ipvscreen.sandbox.registration import Auth, KeySource, Registration
from ipvscreen.sandbox.seed import seed
from ipvscreen.sandbox.state import Sandbox
from ipvscreen.sandbox.switches import Switches
from ipvscreen.sandbox.wire import Envelope


def create_ehr(
    *,
    base_url: str,
    app_launch_url: str,
    client_id: str,
    redirect_uris: tuple[str, ...],
    token: str,
    clock: Callable[[], datetime],
    switches: Switches | None = None,
    app_list_url: str | None = None,
    auth: Auth = "none",
    client_secret: str | None = None,
    jwks: KeySource | None = None,
    jwks_url: str | None = None,
) -> FastAPI:
    """A record system whose FHIR base is `base_url`/fhir, seeded with the people of `people`.

    `token` reads and searches everything and writes nothing; `clock` gives aware times. `auth` is how the
    app must prove who it is: with `client_secret`, or with the keys that `jwks` gives or that are fetched
    from `jwks_url` (which is then the only `jku`). What it holds, and its switches, are at
    `app.state.sandbox`.
    """
    # Beside /launch, unless it is said where.
    list_url = app_list_url or f"{app_launch_url.rpartition('/')[0]}/list"
    registration = Registration(
        client_id, redirect_uris, app_launch_url, list_url, auth, client_secret, jwks, jwks_url
    )
    sandbox = Sandbox(base_url, registration, clock, switches or Switches())
    sandbox.tokens.admit(token)
    now = clock()
    for body in seed(sandbox.base_url, now):
        sandbox.memory.put(body, now)
    app = FastAPI(title="Sandbox record system", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.sandbox = sandbox
    app.add_middleware(Envelope)
    add_pages(app)
    add_auth(app)
    add_fhir(app)
    return app
