"""Propose what takes two stewards, once it is about something that is there and nothing else is under way."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any
from urllib.parse import urlsplit

from ipvscreen.ipv.members import Member, Role
from ipvscreen.ipv.proposals import ALLOWED, Kind, Proposal
from ipvscreen.messages import Message, message
from ipvscreen.resources.directory import SERVICE_PROFILE, service_of
from ipvscreen.store.facade import Store
from ipvscreen.store.spent import Once


class Wrong:
    """Why something cannot be proposed."""

    ONE_PLACE = message("Give an address or an organisation, and not both.")
    NAME = message("Give the name of the new steward.")
    SERVICE = message("There is no such service.")
    ORGANISATION = message("There is no such organisation.")
    PERSON = message("Choose a coordinator or another steward.")
    ADDRESS = message("This address cannot be used: it must be https.")
    UNDER_WAY = message("Something about it has been proposed already. Stop that first.")


async def propose(store: Store, by: Member, proposal: Proposal, once: Once) -> Message | None:
    """Keep the proposal; or the sentence that says why nothing was done."""
    wrong = await _wrong(store, by, proposal)
    if wrong is None:
        await store.proposals.propose(by, proposal, once)
    return wrong


async def _wrong(store: Store, by: Member, proposal: Proposal) -> Message | None:
    others = await store.proposals.all()
    if any(one.about == proposal.about and ALLOWED[one.stage(proposal.proposed_at)] for one in others):
        return Wrong.UNDER_WAY
    if proposal.kind in (Kind.AGAIN, Kind.END):
        who = await store.members.get(proposal.about)
        unfit = who is None or who.role is Role.WORKER or who.id == by.id
        return Wrong.PERSON if unfit else None
    if proposal.kind is Kind.STEWARD:
        return None
    found = [one for one in await store.services.all() if one["id"] == proposal.about]
    if not found:
        return Wrong.SERVICE
    if proposal.kind is Kind.INBOX:
        return None if await store.organisations.get(proposal.value) else Wrong.ORGANISATION
    return None if _takes(found[0], proposal.value) else Wrong.ADDRESS


def _takes(service: Mapping[str, Any], address: str) -> bool:
    """Whether the directory would take the service with that address."""
    changed = deepcopy(dict(service))
    for extension in changed.get("extension", ()):
        for part in extension.get("extension", ()) if extension.get("url") == SERVICE_PROFILE else ():
            if part["url"] == "endpoint":
                part["valueUrl"] = address
    try:
        return service_of(changed).endpoint == address and "@" not in urlsplit(address).netloc
    except ValueError:
        return False
