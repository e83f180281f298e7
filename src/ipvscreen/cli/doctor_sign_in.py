"""How the doctor gets a token: from a file, or by a sign-in whose answer comes back to this machine."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import typer

from ipvscreen.app import ring_of, utc_now
from ipvscreen.errors import LaunchRefused
from ipvscreen.pathway.check_ehr import Session, SignIn
from ipvscreen.resources.finding import Finding, bad, good, warning
from ipvscreen.resources.scopes import written_kinds
from ipvscreen.settings import Ehr, Settings
from ipvscreen.smart.client import Client, TokenAuth
from ipvscreen.smart.discovery import Endpoints
from ipvscreen.smart.keys import SigningKey
from ipvscreen.smart.loopback import SignedIn, sign_in
from ipvscreen.store.facade import open_store
from ipvscreen.store.signing_keys import StoredKey

NO_KEY = bad(
    "Our own keys",
    "There is no key to sign in with yet, or the store that holds it cannot be opened.",
    "Start the app once with these settings (`ipvscreen serve`), or make keys: `ipvscreen keys rotate`.",
)


async def our_client(deployment: Settings, one: Ehr) -> Client | None:
    """This app as the record system knows it; None where it should sign and has no key yet."""
    auth = TokenAuth(one.token_auth)
    if auth is not TokenAuth.PRIVATE_KEY_JWT:
        secret = one.client_secret.get_secret_value() if one.client_secret else None
        return Client(one.client_id, auth, secret)
    try:
        stored = await _signing_key(deployment, one)
    except Exception:  # whatever keeps the store or the key shut, the finding is the same
        return None
    key = SigningKey(stored.kid, one.signing_alg, stored.jwk)
    return Client(one.client_id, auth, key=key, jwks_url=jwks_url(deployment))


async def _signing_key(deployment: Settings, one: Ehr) -> StoredKey:
    store = await open_store(deployment.database, ring_of(deployment), migrate=False)
    try:
        return await store.signing_keys.current(one.signing_alg, utc_now())
    finally:
        await store.close()


def jwks_url(deployment: Settings) -> str:
    """Where record systems fetch our keys."""
    return f"{deployment.public_url.rstrip('/')}/jwks.json"


def removal_scope(spelling: Literal["v1", "v2"], carriers: Sequence[str] = ()) -> str:
    """What the doctor needs in any case: to take its probe out again. In v1, `write` allows that already."""
    return "" if spelling == "v1" else " ".join(f"patient/{kind}.ud" for kind in written_kinds(carriers))


def by_file(place: str) -> SignIn:
    """The session of a token, or of a whole token response (JSON), in a file; ValueError for all else."""
    text = (sys.stdin.read() if place == "-" else Path(place).read_text(encoding="utf-8")).strip()
    response = _response(text)
    session = Session(
        token=str(response["access_token"]),
        scope=_text(response, "scope"),
        patient=_text(response, "patient"),
        secrets=tuple(filter(None, (_text(response, "id_token"), _text(response, "refresh_token")))),
    )

    async def given(_: Endpoints) -> Session:
        return session

    return given


def by_launch(http: Any, one: Ehr, client: Client | None, scope: str, port: int) -> SignIn:
    """A standalone launch; the redirect address differs from the app's in its host and port alone."""

    async def signing_in(endpoints: Endpoints) -> Session:
        if client is None:
            raise LaunchRefused("There is no key to sign in with.")
        signed = await sign_in(
            http,
            endpoints,
            client,
            iss=one.iss,
            scope=scope,
            path=f"/callback/{one.name}",
            port=port,
            show=_show,
            now=utc_now,
        )
        token, identity = signed.token, signed.identity
        unseen = (token.id_token, token.refresh_token, client.secret, identity.name)
        return Session(
            token=token.access_token,
            scope=scope if token.scope is None else token.scope,
            patient=token.patient,
            user=identity.user,
            secrets=tuple(secret for secret in unseen if secret),
            findings=tuple(_findings(one, signed)),
        )

    return signing_in


def _show(address: str) -> None:
    """Unwrapped, and beside the result: it is to be copied."""
    typer.echo(f"Open this address in a browser, and choose the test patient:\n{address}", err=True)


def _findings(one: Ehr, signed: SignedIn) -> Iterator[Finding]:
    token = signed.token
    yield good("Sign-in", "The record system gave a token.")
    if signed.untrusted:
        words = (
            "It says who signed in, but that could not be trusted (id_token). Every launch would be refused."
        )
        ask = "Compare issuer, client_id, keys and clocks above with what the id_token says."
        yield bad("Who signed in", words, ask)
    elif signed.identity.user is None:
        words = "It does not say who signed in; entries then name no clinician."
        yield warning("Who signed in", words, "Allow openid and fhirUser in the registration.")
    else:
        yield good("Who signed in", "It says who, and that can be trusted.")
    if token.patient is None:
        words = "The sign-in names no patient. If a launch from a record does not either, it is refused."
        yield warning("Patient", words, "Launch from a patient's record, and see whether a visit opens.")
    if token.expires_in is None:
        words = "It does not say how long the token is good; a visit then ends after five minutes."
        yield warning("Token", words, "Ask whoever runs the record system to send expires_in.")
    if one.refresh != "none" and token.refresh_token is None:
        words = f"{one.refresh} was asked for, and no refresh token came; a visit ends with its token."
        yield warning("Token", words, 'Allow it in the registration, or set refresh = "none".')


def _response(text: str) -> dict[str, Any]:
    if text.startswith("{"):
        parsed = json.loads(text)
        if not isinstance(parsed.get("access_token"), str):
            raise ValueError("it has no access_token")
    else:
        parsed = {"access_token": text}
    token = parsed["access_token"]
    # What a header may hold (RFC 6750 section 2.1), so that nothing else can be slipped into the request.
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("it holds no token")
    return dict(parsed)


def _text(response: dict[str, Any], name: str) -> str | None:
    value = response.get(name)
    return value if isinstance(value, str) else None
