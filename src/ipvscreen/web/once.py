"""One question for all who ask it."""

import asyncio
from collections.abc import Awaitable, Callable


def once(ask: Callable[[], Awaitable[str]]) -> Callable[[], Awaitable[str]]:
    """The same answer to everyone who asks, from one question."""
    lock, answers = asyncio.Lock(), list[str]()

    async def asked() -> str:
        async with lock:
            if not answers:
                answers.append(await ask())
            return answers[0]

    return asked
