"""How much an evaluation may still do, and what it may bring forth."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

MOST_STEPS = 100_000  # about half a second
MOST_ELEMENTS = 50_000
LONGEST_TEXT = 100_000  # characters

Function = Callable[..., Any]  # fhirpathpy's convention: its context, the input, the parameters → the output


class Fault(ValueError):
    """Why an expression has no result, in a sentence that holds nothing of what it worked on."""


@dataclass(slots=True)
class Work:
    """Shared by all that one evaluation does."""

    now: datetime | None = None
    index: Any = None
    steps: int = MOST_STEPS

    def spend(self, steps: int) -> None:
        """Counts what is done. Fault once it is too much."""
        self.steps -= steps
        if self.steps < 0:
            raise Fault("The expression takes too long.")


def guarded(function: Function) -> Function:
    """`function`, counted and with a limit to its output; it leaves $this, $index and $total as they were."""

    def invoked(ctx: dict[str, Any], data: list[Any], *given: Any) -> list[Any]:
        ctx["work"].spend(1 + sum(len(values) for values in (data, *given) if isinstance(values, list)))
        before = {name: ctx[name] for name in ("$this", "$index", "$total")}
        found = function(ctx, data, *given)
        ctx.update(before)
        return bounded(found if isinstance(found, list) else [] if found is None else [found])

    return invoked


def single(values: list[Any]) -> Any:
    """The one value; None if there is none. Fault for several."""
    if len(values) > 1:
        raise Fault("The expression needs one value where there are several.")
    return values[0] if values else None


def bounded(values: list[Any]) -> list[Any]:
    """`values`, unless there are too many of them or a text among them is too long."""
    if len(values) > MOST_ELEMENTS:
        raise Fault("The expression finds too many elements.")
    if any(isinstance(value, str) and len(value) > LONGEST_TEXT for value in values):
        raise Fault("The expression makes too long a text.")
    return values
