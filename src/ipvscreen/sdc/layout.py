"""What a page shows of a form: every item at its place, with what was entered and what follows from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ipvscreen.sdc.answering.entry import Entry, as_entered
from ipvscreen.sdc.answering.fields import MOST_PLACES, Spot, typed_again
from ipvscreen.sdc.answering.filling import Filled, Launch, fill
from ipvscreen.sdc.answering.given import OTHER
from ipvscreen.sdc.answering.nearest import Nearest
from ipvscreen.sdc.answering.values import option_of
from ipvscreen.sdc.form import Condition, Form, Item

When = tuple[str, str, str]  # field, operator, value


@dataclass(frozen=True, slots=True)
class Placed:
    """One item at one place of a page; `field` names its control.

    `values` are what its controls hold: option values, PASS, a number, a text; of a repeating question that
    is typed, one for each control to show (an empty one is "" ). `other` is the own text of an open choice
    (field~other), `unit` the unit of a quantity (field~unit). `read_only`: shown as text, never posted.
    `instance` counts the places of a repeating group, or of what stands under one of several answers (of a
    choice: the place of its option). `more`: a button may add another (its value is `field`).
    `when`: (field, operator, value) that a browser can decide by itself, () without a condition, None where
    only the server can; a control that is not shown counts as unanswered, and so does PASS.
    """

    item: Item
    field: str
    enabled: bool
    values: tuple[str, ...] = ()
    other: str = ""
    unit: str = ""
    mistake: str | None = None
    children: tuple["Placed", ...] = ()
    instance: int = 1
    more: bool = False
    when: tuple[When, ...] | None = ()
    when_any: bool = False
    read_only: bool = False


def layout(
    form: Form,
    entered: Mapping[str, Sequence[str]],
    *,
    launch: Launch | None = None,
    now: datetime | None = None,
    more: str | None = None,
    fresh: bool = False,
) -> tuple[Placed, ...]:
    """What a page shows of the form, hidden items left out.

    `fresh`: the form was not shown yet, so initial values stand where nothing was entered; without it the
    mistakes are shown. `more` is the field of a repeating group or question that gets one place more.
    """
    filled = fill(form, entered, launch=launch, now=now, more=more, fresh=fresh)
    page = _Page(filled, Nearest(filled.places, filled.answers.given), more, fresh)
    return tuple(placed for spot in filled.places.roots for placed in page.placed(spot))


@dataclass(frozen=True, slots=True)
class _Page:
    filled: Filled
    near: Nearest
    more: str | None
    fresh: bool

    def placed(self, spot: Spot) -> tuple[Placed, ...]:
        """The item at its place; nothing where it is hidden."""
        if spot.hidden:
            return ()
        answers, held = self.filled.answers, self._held(spot)
        one = Placed(
            item=spot.item,
            field=spot.field,
            enabled=spot.field in answers.enabled,
            values=self._values(spot, held.values),
            other=held.own,
            unit=held.unit,
            mistake=None if self.fresh else answers.mistakes.get(spot.field),
            children=tuple(placed for child in spot.children for placed in self.placed(child)),
            instance=spot.under or _instance(spot),
            more=self._more(spot, held.values),
            when=self._when(spot),
            when_any=spot.item.enable_any and len(spot.item.enable_when) > 1,
            read_only=spot.fixed,
        )
        return (one,)

    def _held(self, spot: Spot) -> Entry:
        """What was entered, be it right or wrong; without that what stands there by itself."""
        if not spot.item.is_question:
            return Entry()
        held = self.filled.entries[spot.field]
        answer = self.filled.answers.given.get(spot.field)
        if held or answer is None:
            return held
        return as_entered(spot, answer.fhir, self.filled.zone)

    def _values(self, spot: Spot, values: tuple[str, ...]) -> tuple[str, ...]:
        if not typed_again(spot.item) or spot.fixed:
            return values
        wanted = max(1, spot.item.min_occurs or 0, len(values))
        wanted = wanted + 1 if self.more == spot.field and self._more(spot, values) else wanted
        return values + ("",) * (wanted - len(values))

    def _more(self, spot: Spot, values: tuple[str, ...]) -> bool:
        most = min(spot.item.max_occurs or MOST_PLACES, MOST_PLACES)
        if spot.fixed or not spot.item.repeats:
            return False
        if spot.item.type != "group":
            return typed_again(spot.item) and max(len(values), spot.item.min_occurs or 0) < most
        return spot.numbers[-1] == len(self.filled.places.beside(spot)) < most

    def _when(self, spot: Spot) -> tuple[When, ...] | None:
        """None as soon as one part cannot be decided in the browser."""
        conditions = spot.item.enable_when
        above = _above(spot)
        if spot.item.enable_expression or (above and spot.item.enable_any and len(conditions) > 1):
            return None
        found = [self._condition(spot, condition) for condition in conditions]
        known = tuple(one for one in found if one is not None)
        return (*above, *known) if len(known) == len(found) else None

    def _condition(self, spot: Spot, condition: Condition) -> When | None:
        asked = self.near.place(spot, condition.question)
        if asked is None or asked.fixed:
            return None
        value = _compared(asked.item, condition)
        return (asked.field, condition.operator, value) if value is not None else None


def _instance(spot: Spot) -> int:
    return spot.numbers[-1] if spot.item.type == "group" and spot.item.repeats else 1


def _above(spot: Spot) -> tuple[When, ...]:
    """The condition that the answer it stands under is given."""
    if spot.parent is None or not spot.under or spot.parent.fixed:
        return ()
    item = spot.parent.item
    if not (item.repeats and item.options):
        return ((spot.parent.field, "exists", "true"),)
    values = [*(option.value for option in item.options), OTHER]
    return ((spot.parent.field, "=", values[spot.under - 1]),)


def _compared(item: Item, condition: Condition) -> str | None:
    """What the control of `item` must hold, as far as a browser can tell."""
    (value,) = condition.answer.values()
    if condition.operator == "exists":
        return str(value).lower()
    if item.type in ("integer", "decimal"):
        return str(value)
    option = option_of(item, condition.answer)
    if condition.operator in ("=", "!=") and (option is not None or item.type == "boolean"):
        return option.value if option is not None else str(value).lower()
    return None
