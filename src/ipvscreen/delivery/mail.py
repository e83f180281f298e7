"""One neutral notice by SMTP: that something waits, and an address that says nothing. Never to a patient."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import partial

import aiosmtplib

from ipvscreen.delivery.mail_server import MailServer
from ipvscreen.errors import DeliveryLater

SECONDS = 10.0
_SUBJECT = "Something is waiting"
# In each language of ours: who reads it is not known, and it must be the same for everybody.
_BODY = (
    "Something is waiting for you.\nEr staat iets voor u klaar.\nQuelque chose vous attend.\n\n{address}\n"
)

# Recipient, address, moment; DeliveryLater where no server took it.
Send = Callable[[str, str, datetime], Awaitable[None]]


def notice(sender: str, recipient: str, address: str, now: datetime) -> EmailMessage:
    """The whole message; of two to the same mailbox only `address`, Message-ID and Date differ."""
    made = EmailMessage(policy=SMTP)
    made["From"] = sender
    made["To"] = recipient
    made["Subject"] = _SUBJECT
    made["Date"] = format_datetime(now)
    made["Message-ID"] = f"<{secrets.token_hex(16)}@{sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(_BODY.format(address=address), cte="7bit")
    return made


def sender_of(server: MailServer) -> Send:
    """What brings a notice to that server."""
    return partial(_send, server)


async def _send(server: MailServer, recipient: str, address: str, now: datetime) -> None:
    """DeliveryLater for whatever ends otherwise than with the server's own yes; its words are not kept."""
    try:
        await aiosmtplib.send(
            notice(server.sender, recipient, address, now),
            sender=server.sender,
            recipients=[recipient],
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password.get_secret_value() if server.password else None,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            timeout=SECONDS,
        )
    except (aiosmtplib.SMTPException, OSError, ValueError) as failure:
        raise DeliveryLater(type(failure).__name__) from None
