"""Whether letters can be printed here, for the services that take a referral as one."""

from collections.abc import Sequence
from importlib.util import find_spec

from ipvscreen.app import ring_of, utc_now
from ipvscreen.ipv.by_hand import ByHand
from ipvscreen.ipv.proposals import directed
from ipvscreen.resources.directory import kept_service
from ipvscreen.resources.finding import Finding, warning
from ipvscreen.settings import Settings
from ipvscreen.store.facade import open_store

_DO = "Install the extra: pip install 'ipvscreen[letters]'."


async def letters(deployment: Settings) -> Sequence[Finding]:
    """Nothing where Typst is there, or no service takes letters; nothing is opened where it is there."""
    if find_spec("typst") is not None:
        return ()
    try:
        names = await _by_letter(deployment)
    except Exception:  # whatever keeps the store shut, who takes letters is not known
        words = "They cannot be printed here, and the directory cannot be read to say whether one is needed."
        return (warning("Letters", words, _DO),)
    if not names:
        return ()
    words = f"They cannot be printed here, and these services take a referral as one: {', '.join(names)}."
    return (warning("Letters", words, _DO),)


async def _by_letter(deployment: Settings) -> list[str]:
    """What those services are called to which a person brings a letter."""
    store = await open_store(deployment.database, ring_of(deployment), migrate=False)
    try:
        proposals, now = await store.proposals.all(), utc_now()
        found = [directed(proposals, kept_service(one), now) for one in await store.services.all()]
    finally:
        await store.close()
    return [one.short_name for one in found if not one.endpoint and ByHand.LETTER in one.by_hand]
