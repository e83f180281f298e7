"""stewards: who decides where referrals go; the first two come in by this command, others by two of them."""

import asyncio
from typing import Annotated
from urllib.parse import urlsplit

import typer

from ipvscreen.app import ring_of, utc_now
from ipvscreen.cli.reading import BAD_SETTINGS, say, settings
from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.lasting import INVITATION
from ipvscreen.ipv.members import Member, Role
from ipvscreen.settings import Settings
from ipvscreen.store.facade import open_store
from ipvscreen.store.members import new_id, new_invitation

commands = typer.Typer(no_args_is_help=True, help="The stewards of the directory.")


@commands.callback()
def stewards() -> None:
    """The stewards of the directory."""


@commands.command("add")
def add(name: Annotated[str, typer.Argument(help="What the steward is called on the pages.")]) -> None:
    """Print a link by which NAME makes a key; for the first two stewards alone.

    Later ones are proposed by one steward and agreed to by another. Give the link to the person yourself: it
    works once, for three days.
    """
    chosen = settings()
    if chosen.inbox is None:
        say.print("ipvscreen.toml: [inbox] is not set, so nobody can sign in.", markup=False)
        raise typer.Exit(BAD_SETTINGS)
    try:
        code = asyncio.run(invited(chosen, name))
    except OutOfOrder:
        say.print("There are two stewards already; one proposes, the other agrees.", markup=False)
        raise typer.Exit(1) from None
    typer.echo(f"{chosen.inbox.origin}{urlsplit(chosen.public_url).path.rstrip('/')}/i/join/{code}")


async def invited(chosen: Settings, name: str) -> str:
    """The code of the invitation of a first steward; OutOfOrder where there are two."""
    now, member = utc_now(), Member(new_id(), Role.STEWARD, name)
    invitation = new_invitation(member.id, now + INVITATION)
    store = await open_store(chosen.database, ring_of(chosen))
    try:
        await store.doing(Act.INVITED, now).members.first_steward(member, invitation, now)
    finally:
        await store.close()
    return invitation.code
