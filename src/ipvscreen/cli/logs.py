"""What may be logged: declared keys alone, as JSON lines on stderr; no URL, no name, no traceback."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED = frozenset({"event", "level", "timestamp", "reference", "status", "kind"})


def configure_logs() -> None:
    """Set up logging for a server process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            declared_keys,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    # httpx logs whole addresses at INFO, patient ids included.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(without_traceback)


def declared_keys(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every key that nobody declared: what is not known to be harmless is not logged."""
    return {key: value for key, value in event.items() if key in ALLOWED}


def without_traceback(record: logging.LogRecord) -> bool:
    """The kind of an unexpected error and no more: its words could hold what was entered."""
    if record.exc_info and record.exc_info[0]:
        record.msg, record.args = "unexpected error: %s", (record.exc_info[0].__name__,)
        record.exc_info = record.exc_text = None
    return True
