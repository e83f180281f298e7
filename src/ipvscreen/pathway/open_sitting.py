"""Open a sitting: a clinician without a patient, for as long as a look at the list takes."""

import secrets
from datetime import datetime, timedelta

from ipvscreen.errors import LaunchRefused
from ipvscreen.messages import message
from ipvscreen.smart.context import UserContext
from ipvscreen.store.facade import Store
from ipvscreen.store.sittings import Sitting

LIMIT = timedelta(minutes=10)  # it names several people, and can be opened again with a click

_NOBODY = message("The record system did not say who is signed in, so this list cannot be shown.")


async def open_sitting(
    store: Store, context: UserContext, *, ehr_name: str, cookie_hash: str, now: datetime
) -> Sitting:
    """The stored sitting of this launch; LaunchRefused for a clinician who cannot be told from another."""
    user_key = context.identity.key(context.iss)
    if user_key is None:
        raise LaunchRefused(_NOBODY)
    return await store.sittings.create(
        Sitting(
            id=secrets.token_urlsafe(16),
            ehr=ehr_name,
            iss=context.iss,
            user=context.identity.user,
            user_key=user_key,
            user_name=context.identity.name,
            cookie_hash=cookie_hash,
            opened_at=now,
            expires_at=now + LIMIT,
        )
    )
