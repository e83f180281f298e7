"""deliver: send what waits in the outbox, in a process of its own."""

import asyncio
import signal
from typing import Annotated

import structlog
import typer

from ipvscreen.app import jwks_url_of, ring_of, utc_now
from ipvscreen.cli.logs import configure_logs
from ipvscreen.cli.reading import BAD_SETTINGS, say, settings
from ipvscreen.delivery.dispatcher import Dispatcher
from ipvscreen.delivery.outside import outside
from ipvscreen.settings import Settings
from ipvscreen.store.facade import open_store
from ipvscreen.store.schema import SchemaOutdated


def deliver(
    once: Annotated[bool, typer.Option("--once", help="Send what is due now, then end.")] = False,
) -> None:
    """Send referrals to services, beside `serve --no-deliver` or beside others like this one.

    SIGTERM or Ctrl+C ends it once what is on its way is settled. Any number may run on one store.
    """
    chosen = settings()
    configure_logs()
    try:
        asyncio.run(_deliver(chosen, once=once))
    except (SchemaOutdated, ValueError) as wrong:
        say.print(str(wrong), markup=False)
        raise typer.Exit(BAD_SETTINGS) from None


async def _deliver(chosen: Settings, *, once: bool) -> None:
    store = await open_store(chosen.database, ring_of(chosen), migrate=False)
    try:
        async with outside(chosen.inside_hosts) as http:
            dispatcher = Dispatcher(store, http, utc_now, jwks_url=jwks_url_of(chosen))
            if once:
                while await dispatcher.run_once():
                    pass
                return
            await dispatcher.run(_stopping())
            structlog.get_logger().info("delivery.stopped")
    finally:
        await store.close()


def _stopping() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    structlog.get_logger().info("delivery.started")
    return stop
