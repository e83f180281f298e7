"""A state table as a Mermaid state diagram, for the documentation."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)


def mermaid(transitions: Mapping[State, Mapping[Event, State]]) -> str:
    """The text of a `stateDiagram-v2`; the first state of the table is where everything begins."""
    lines = ["stateDiagram-v2", f"    [*] --> {_name(next(iter(transitions)))}"]
    for state, events in transitions.items():
        lines += [f"    {_name(state)} --> {_name(to)}: {event}" for event, to in events.items()]
        lines += [] if events else [f"    {_name(state)} --> [*]"]
    return "\n".join(lines) + "\n"


def _name(state: StrEnum) -> str:
    return state.value.replace("-", "_")  # a hyphen would end an identifier
