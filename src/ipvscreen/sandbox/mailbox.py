"""A mail server on loopback that takes every message and keeps what came, for the sandbox's mailboxes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_LONGEST = 100_000  # bytes of one message
_ANSWERS = {
    "HELO": b"250 here\r\n",
    "EHLO": b"250-here\r\n250 8BITMIME\r\n",
    "MAIL": b"250 ok\r\n",
    "RSET": b"250 ok\r\n",
    "NOOP": b"250 ok\r\n",
    "RCPT": b"250 ok\r\n",
    "DATA": b"354 go on\r\n",
    "QUIT": b"221 bye\r\n",
}


@dataclass(slots=True)
class Mailbox:
    """The messages that came, as they came; `port` is where to bring more."""

    port: int = 0
    messages: list[bytes] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One conversation by RFC 5321, without extensions."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.write(b"220 here\r\n")
            while (verb := (await reader.readuntil(b"\n"))[:4].decode("ascii", "replace").upper()) != "QUIT":
                writer.write(_ANSWERS.get(verb, b"502 not here\r\n"))
                if verb == "DATA":
                    self.messages.append(await reader.readuntil(b"\r\n.\r\n"))
                    writer.write(b"250 taken\r\n")
                await writer.drain()
            writer.write(_ANSWERS["QUIT"])
        writer.close()


@asynccontextmanager
async def open_mailbox() -> AsyncIterator[Mailbox]:
    """The server on a free port of loopback, for as long as the block lasts."""
    box = Mailbox()
    server = await asyncio.start_server(box.talk, "127.0.0.1", 0, limit=_LONGEST)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
