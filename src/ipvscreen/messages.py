"""What a clinician reads: English here, with what it takes to be said in another language at the edge."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Literal

Shape = Literal["day", "moment", "clock"]


class Message(str):
    """An English sentence; `msgid` is what translators see of it, `parts` is what stands at its `{names}`.

    It is a str in every way: what knows of no other language sees English.
    """

    msgid: str
    parts: Mapping[str, Any]

    def __new__(cls, english: str, msgid: str = "", parts: Mapping[str, Any] | None = None) -> "Message":
        """Use `message` instead."""
        made = super().__new__(cls, english)
        made.msgid, made.parts = msgid or english, parts or {}
        return made

    def __str__(self) -> str:
        """Itself, so that `str(error)` of an error that was given a message still is one."""
        return self

    def given(self, **parts: Any) -> "Message":
        """The same sentence with these parts."""
        return message(self.msgid, **parts)


class Dated(str):
    """A day or a moment in English, and `at`, which says the same in any language."""

    at: date
    shape: Shape

    def __new__(cls, english: str, at: date | None = None, shape: Shape = "day") -> "Dated":
        """Use `day_said` and its like instead."""
        made = super().__new__(cls, english)
        made.at, made.shape = at or date.min, shape
        return made

    def __str__(self) -> str:
        """Itself, as a Message."""
        return self


def message(msgid: str, /, **parts: Any) -> Message:
    """The sentence with its parts in place; a part may be a message. Without parts braces stay."""
    return Message(msgid.format(**parts) if parts else msgid, msgid, parts)


def joined(separator: str, texts: Iterable[str]) -> Message:
    """The texts one after the other, each of which, and the separator, may be a message."""
    parts = {f"p{number}": text for number, text in enumerate(texts)}
    msgid = "{s}".join(f"{{{name}}}" for name in parts)
    return message(msgid, s=separator, **parts)


def day_said(day: date) -> Dated:
    """As in "3 November 2025"."""
    return Dated(f"{day.day} {day:%B %Y}", day, "day")


def moment_said(local: datetime) -> Dated:
    """As in "Monday 3 November, 14:05"; the time as it is given."""
    return Dated(f"{local:%A} {local.day} {local:%B}, {local:%H:%M}", local, "moment")


def clock_said(local: datetime) -> Dated:
    """As in "14:05"; the time as it is given."""
    return Dated(f"{local:%H:%M}", local, "clock")


def message_to_json(text: Any) -> Any:
    """As JSON, to be kept: a plain text or number as it is, a message or a day as an object."""
    if isinstance(text, Dated):
        return {"shape": text.shape, "at": text.at.isoformat()}
    if isinstance(text, Message):
        parts = {name: message_to_json(part) for name, part in text.parts.items()}
        return {"msgid": text.msgid, "parts": parts}
    return text


def message_from_json(stored: Any) -> Any:
    """What `message_to_json` stored; KeyError or ValueError for an object that it did not."""
    if not isinstance(stored, Mapping):
        return stored
    if "shape" not in stored:
        parts = {name: message_from_json(part) for name, part in stored["parts"].items()}
        return message(stored["msgid"], **parts)
    if stored["shape"] == "day":
        return day_said(date.fromisoformat(stored["at"]))
    return {"moment": moment_said, "clock": clock_said}[stored["shape"]](datetime.fromisoformat(stored["at"]))
