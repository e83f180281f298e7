"""A neutral entry with us that somebody sees this person again, one to one; nothing goes to the record."""

from datetime import date

from ipvscreen.store.facade import Store
from ipvscreen.store.visits import Visit

TEXT = "Routine follow-up, one to one"


async def follow_up(store: Store, visit: Visit, *, due: date) -> None:
    """Note the follow-up for this clinician and patient; asked twice, it stands once."""
    await store.followups.add(visit, due=due, text=TEXT)
