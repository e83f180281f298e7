"""How long things last where services and stewards sign in."""

from datetime import datetime, timedelta

IDLE = timedelta(minutes=15)  # NIST SP 800-63B, AAL3: 15 minutes of inactivity
ABSOLUTE = timedelta(hours=8)
SEEN_EVERY = timedelta(minutes=1)  # a page that is only read writes at most that often when it was read
CEREMONY = timedelta(minutes=5)  # from the page that asks for a key to the answer
INVITATION = timedelta(days=3)
LINK = timedelta(days=14)  # as long as a message is tried


def stands(opened_at: datetime, seen_at: datetime, now: datetime) -> bool:
    """Whether a session that was last used at `seen_at` is still one; a clock that was put back ends it."""
    return seen_at <= now < min(seen_at + IDLE, opened_at + ABSOLUTE)
