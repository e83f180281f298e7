"""What may be logged: declared keys alone, as JSON lines on stderr; no URL, no name, no traceback.

JSON escapes every character that could end a line or colour a terminal, U+2028 among them.
"""

import json
import logging
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

import structlog

ALLOWED = frozenset(
    {"event", "level", "timestamp", "reference", "status", "kind", "route", "method", "ms", "workers", "rows"}
)
_WORTH_READING = "uvicorn"  # its words are fixed; those of other libraries can quote an address


def configure_logs() -> None:
    """Set up logging for a server process: ours through structlog, that of libraries in the same shape."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            declared_keys,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        # A line and its end in one write: the lines of several workers never run into each other.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    # httpx logs whole addresses at INFO, patient ids included.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(without_traceback)
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(OneLine())
    logging.getLogger().addHandler(handler)


class OneLine(logging.Formatter):
    """A library's record as one JSON line; its words only where they are known to be fixed."""

    def format(self, record: logging.LogRecord) -> str:
        """Name, level and time; the kind of the error, if there was one."""
        words = record.getMessage().strip()
        fixed = record.name.partition(".")[0] == _WORTH_READING and "\n" not in words
        line = {
            "event": words if fixed else record.name,
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        if record.exc_info and record.exc_info[0]:
            line["kind"] = record.exc_info[0].__name__
        elif words.startswith("Traceback"):  # uvicorn's way of saying that a start or an end failed
            line["kind"] = words.rpartition("\n")[2].partition(":")[0]
        return json.dumps(line, sort_keys=True)


def declared_keys(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every key that nobody declared: what is not known to be harmless is not logged."""
    return {key: value for key, value in event.items() if key in ALLOWED}


def without_traceback(record: logging.LogRecord) -> bool:
    """The kind of an unexpected error and no more: its words could hold what was entered."""
    if record.exc_info and record.exc_info[0]:
        record.msg, record.args = "unexpected error: %s", (record.exc_info[0].__name__,)
        record.exc_info = record.exc_text = None
    return True
