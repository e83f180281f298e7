"""keys: what seals the store, and what signs for record systems."""

import asyncio
import base64
import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, TypeVar, cast

import typer

from ipvscreen.app import fresh_signing_keys, ring_of, utc_now
from ipvscreen.cli.reading import say, settings
from ipvscreen.settings import Settings
from ipvscreen.smart.keys import Algorithm, SigningKey, public_jwks
from ipvscreen.store.facade import Store, open_store
from ipvscreen.store.reseal import reseal
from ipvscreen.store.schema import SchemaOutdated
from ipvscreen.store.signing_keys import StoredKey

_Result = TypeVar("_Result")

commands = typer.Typer(
    no_args_is_help=True, help="The keys that seal what is stored, and those that sign for record systems."
)


@commands.callback()
def keys() -> None:
    """The keys that seal what is stored, and those that sign for record systems."""


@commands.command("new")
def keys_new() -> None:
    """Print a fresh key for [keys] of ipvscreen.toml."""
    typer.echo(base64.b64encode(secrets.token_bytes(32)).decode())


@commands.command("reseal")
def keys_reseal() -> None:
    """Seal everything stored under the current key; the app may be running.

    First add the new key to [keys] and reload the app, then name it in `key` and reload the app again.
    When this has said that nothing is left, wait an hour, and the old key may go.
    """
    chosen = settings()
    try:
        done = asyncio.run(reseal(chosen.database, ring_of(chosen)))
    except SchemaOutdated as outdated:
        say.print(str(outdated), markup=False)
        raise typer.Exit(1) from None
    for table, rows in done.rows.items():
        typer.echo(f"{table}: {rows}")
    if done.left:
        left = ", ".join(f"{number} in {table}" for table, number in done.left.items())
        say.print(f"Left as they are: {left}. No key in [keys] opens them.", markup=False)
        raise typer.Exit(1)
    typer.echo(f"Nothing is left under another key than {chosen.key}.")


@commands.command("rotate")
def keys_rotate(
    lead: Annotated[int, typer.Option(min=5, help="Minutes from publishing to signing.")] = 60,
    compromised: Annotated[
        bool, typer.Option("--compromised", help="Withdraw the old keys now; launches fail for a while.")
    ] = False,
) -> None:
    """Publish new signing keys now, sign with them later, withdraw the old ones a day after that."""

    async def rotate(store: Store) -> list[StoredKey]:
        new, now = fresh_signing_keys(), utc_now()
        if compromised:
            return await store.signing_keys.replace(new, now)
        return await store.signing_keys.rotate(new, now, timedelta(minutes=lead))

    for key in _with_store(rotate):
        typer.echo(f"{key.alg} {key.kid} signs from {_moment(key.signs_from)}")


@commands.command("list")
def keys_list() -> None:
    """List the field keys of the settings, and the signing keys that are published."""
    chosen = settings()
    for key_id in ring_of(chosen).keys:
        typer.echo(f"field {key_id} {'seals' if key_id == chosen.key else 'opens only'}")
    now = utc_now()
    for key in _with_store(lambda store: store.signing_keys.published(now), chosen):
        end = f" published until {_moment(key.published_until)}" if key.published_until else ""
        typer.echo(f"{key.alg} {key.kid} signs from {_moment(key.signs_from)}{end}")


@commands.command("jwks")
def keys_jwks() -> None:
    """Print our JWKS, for a record system that does not fetch it from /jwks.json; makes the first keys."""

    async def published(store: Store) -> list[StoredKey]:
        now = utc_now()
        await store.signing_keys.ensure(fresh_signing_keys, now)
        return await store.signing_keys.published(now)

    stored = _with_store(published)
    pairs = [SigningKey(key.kid, cast(Algorithm, key.alg), key.jwk) for key in stored]
    typer.echo(json.dumps(public_jwks(pairs), indent=2))


def _with_store(work: Callable[[Store], Awaitable[_Result]], chosen: Settings | None = None) -> _Result:
    """What `work` finds in the store of the settings."""
    chosen = chosen or settings()

    async def run() -> _Result:
        store = await open_store(chosen.database, ring_of(chosen))
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
