"""Bring the notices of what waits into mailboxes: each once, again and again until a server has taken it."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ipvscreen.delivery.mail import SECONDS, Send
from ipvscreen.errors import DeliveryLater
from ipvscreen.store.alerts import Alerts, Notice

FIRST_WAIT, LONGEST_WAIT = 30.0, 600.0  # seconds
STUCK = timedelta(minutes=5)
_AT_ONCE = 20
_LEASE = 3 * SECONDS


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """Where notices go: by record system and by service; and what their addresses begin with."""

    practices: Mapping[str, str]
    services: Mapping[str, str]
    app: str
    inbox: str | None = None

    def of(self, notice: Notice) -> tuple[str, str] | None:
        """Mailbox and address; None where nobody is to be told."""
        if notice.service:
            mailbox = self.services.get(notice.service) if self.inbox else None
            address = f"{self.inbox}/i/n/{notice.token}"
        else:
            mailbox = self.practices.get(notice.ehr)
            address = f"{self.app}/n/{notice.token}"
        return None if mailbox is None else (mailbox, address)


class Notices:
    """Sends what is due; any number may run, each notice is one's at a time by its lease."""

    def __init__(
        self,
        alerts: Alerts,
        send: Send,
        mailboxes: Mailboxes,
        clock: Callable[[], datetime],
        *,
        spread: Callable[[], float] = random.random,
    ) -> None:
        self._alerts, self._send, self._mailboxes = alerts, send, mailboxes
        self._clock, self._spread = clock, spread

    async def run_once(self) -> int:
        """Send what is due now; how many a server has taken."""
        if not await self._alerts.waits(self._clock()):
            return 0
        claimed = await self._alerts.claim(self._clock(), _AT_ONCE, _LEASE)
        return sum(await asyncio.gather(*map(self._one, claimed)))

    async def stuck(self) -> int:
        """How many were tried in vain and have waited for minutes: whoever runs the app has to ring."""
        return await self._alerts.stuck(self._clock() - STUCK)

    async def _one(self, notice: Notice) -> bool:
        """Whether a server has taken it; one for nobody waits for as long as any, and stays on the list."""
        now, where = self._clock(), self._mailboxes.of(notice)
        try:
            if where is None:
                raise DeliveryLater("no mailbox")
            await self._send(*where, now)
        except DeliveryLater:
            wait = timedelta(seconds=_wait(notice.attempts) * (1.0 - self._spread() / 2.0))
            await self._alerts.put_off(notice, self._clock() + wait)
            return False
        return await self._alerts.sent(notice, self._clock())


def _wait(attempts: int) -> float:
    """Seconds until the next try: twice as long each time, up to ten minutes."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempts - 1, 20))
