"""Which names an expression knows where it stands: the resource, the launch, and the variables around it."""

from collections import ChainMap
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ipvscreen.errors import ExpressionFailed
from ipvscreen.sdc.expressions import names_in, reads, run
from ipvscreen.sdc.fhirpath.elements import node
from ipvscreen.sdc.fhirpath.limits import MOST_STEPS, Work
from ipvscreen.sdc.fhirpath.response_index import ITEM
from ipvscreen.sdc.fhirpath.worksheet import Place, Worksheet
from ipvscreen.sdc.form import Form

_Needs = frozenset[str] | None


class _Names(Mapping[str, list[Any]]):
    """One variable, before all that was known where it was defined; worked out when it is first asked."""

    def __init__(self, scopes: "Scopes", place: Place | None, name: str, expression: str, outer: Any) -> None:
        self._scopes, self._place, self.name, self.expression, self.outer = (
            scopes,
            place,
            name,
            expression,
            outer,
        )
        own = frozenset({place.item.link_id} if place else ())
        needs = scopes.needs_in(expression, outer)
        self.needs: _Needs = None if needs is None else needs | own
        self._value: list[Any] | None = None
        self._at = 0

    def __getitem__(self, name: str) -> list[Any]:
        known: Any = self
        while isinstance(known, _Names) and known.name != name:
            known = known.outer
        found: list[Any] = known.value() if isinstance(known, _Names) else known[name]
        return found

    def value(self) -> list[Any]:
        sheet = self._scopes.sheet
        if self._value is None or not sheet.unchanged(self._at, self.needs):
            self._at = sheet.version
            self._value = self._scopes.evaluated(self._place, self.expression, self.outer)
        return self._value

    def __iter__(self) -> Iterator[str]:
        return iter({self.name, *self.outer})

    def __len__(self) -> int:
        return len({self.name, *self.outer})


class Scopes:
    """The scopes of one response; the steps of all its expressions are counted together."""

    def __init__(
        self, form: Form, sheet: Worksheet, launch: Mapping[str, Mapping[str, Any]], now: datetime
    ) -> None:
        self.sheet = sheet
        self._work = Work(now, sheet.index, 12 * MOST_STEPS)
        self._response = node(sheet.response)
        self._items = {item.get("linkId"): item for item in _walk(form.source)}
        known: Mapping[str, list[Any]] = {
            **{name: [] for name in form.launch},
            **{name: [node(resource)] for name, resource in launch.items()},
            "resource": [self._response],
            "rootResource": [self._response],
            "questionnaire": [node(form.source)] if form.source else [],
        }
        for variable in form.variables:
            known = _Names(self, None, variable.name, variable.expression, known)
        self._known: dict[str, Mapping[str, list[Any]]] = {"": known}

    def evaluate(self, place: Place | None, expression: str) -> list[Any]:
        """The result where `place` stands (None: at the root). ExpressionFailed, with the item's linkId."""
        try:
            return self.evaluated(place, expression, self.known(place))
        except ExpressionFailed as failed:
            where = f"Item {place.item.link_id}: " if place else ""
            raise ExpressionFailed(f"{where}{failed.sentence}") from None

    def needs(self, place: Place, expression: str) -> _Needs:
        """The linkIds that the result hangs on, through variables too; None if it could be any."""
        return self.needs_in(expression, self.known(place))

    def evaluated(self, place: Place | None, expression: str, known: Mapping[str, list[Any]]) -> list[Any]:
        """The result among the names that are `known`."""
        focus = [self._response if place is None else self._context(place)]
        here = {"context": focus, "qitem": self._qitem(place)}
        return run(expression, focus, ChainMap(here, known), self._work)  # type: ignore[arg-type]  # only read

    def _context(self, place: Place) -> Any:
        return node(self.sheet.body(place) or {"linkId": place.item.link_id}, ITEM)

    def _qitem(self, place: Place | None) -> list[Any]:
        found = self._items.get(place.item.link_id) if place else None
        return [node(found, "Questionnaire.item")] if found else []

    def needs_in(self, expression: str, known: Any) -> _Needs:
        """As `needs`, among the names that are `known`."""
        found = reads(expression)
        for name in names_in(expression):
            one = known
            while isinstance(one, _Names) and one.name != name:
                one = one.outer
            more = one.needs if isinstance(one, _Names) else frozenset[str]()
            found = None if found is None or more is None else found | more
        return found

    def known(self, place: Place | None) -> Mapping[str, list[Any]]:
        """The names that are known where `place` stands; their values are worked out when they are asked."""
        if place is None:
            return self._known[""]
        if place.field not in self._known:
            known = self.known(place.ancestors[-1] if place.ancestors else None)
            for variable in place.item.variables:
                known = _Names(self, place, variable.name, variable.expression, known)
            self._known[place.field] = known
        return self._known[place.field]


def _walk(questionnaire: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    stack = list(questionnaire.get("item") or ())
    while stack:
        item = stack.pop()
        stack.extend(item.get("item") or ())
        yield item
