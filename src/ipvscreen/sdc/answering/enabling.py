"""Which items are to be asked: enableWhen with every operator, and only what stands under an answer given."""

from collections.abc import Callable, Iterable, Mapping

from ipvscreen.sdc.answering.compare import order, same
from ipvscreen.sdc.answering.fields import Places, Spot
from ipvscreen.sdc.answering.given import Answer
from ipvscreen.sdc.answering.nearest import Nearest, stands
from ipvscreen.sdc.answering.values import Element
from ipvscreen.sdc.form import Condition

# Each condition of a place beside the place of the question that it asks, if there is one.
_Asked = list[tuple[Condition, Spot | None]]

# https://hl7.org/fhir/R4/codesystem-questionnaire-enable-operator.html; `!=` holds where nothing was answered
_COMPARED: Mapping[str, Callable[[int], bool]] = {
    ">": lambda found: found > 0,
    "<": lambda found: found < 0,
    ">=": lambda found: found >= 0,
    "<=": lambda found: found <= 0,
}


def holds(condition: Condition, answers: tuple[Element, ...]) -> bool:
    """Whether these answers to its question meet a condition; none where it is not answered, or not asked."""
    if condition.operator == "exists":
        return condition.answer["answerBoolean"] is bool(answers)
    if condition.operator in ("=", "!="):
        equal = any(same(answer, condition.answer) for answer in answers)
        return equal is (condition.operator == "=")
    found = (order(answer, condition.answer) for answer in answers)
    return any(one is not None and _COMPARED[condition.operator](one) for one in found)


def enabled(
    places: Places, given: Mapping[str, Answer], expressed: Mapping[str, bool] | None = None
) -> frozenset[str]:
    """The fields of every item to be asked or shown; `expressed` says what enableWhenExpressions came to.

    An answer to an item that is not enabled counts for nothing: each place is decided after all that it hangs
    on. In a circle, which no loaded form has, what is not decided yet counts as not to be asked.
    """
    near = Nearest(places, given)
    asked = {
        spot.field: [(each, near.place(spot, each.question)) for each in spot.item.enable_when]
        for spot in places.all
    }
    found: set[str] = set()
    for spot in _in_order(places, asked):
        if _is_enabled(spot, asked[spot.field], given, found, expressed or {}):
            found.add(spot.field)
    return frozenset(found)


def _in_order(places: Places, asked: Mapping[str, _Asked]) -> Iterable[Spot]:
    """Each after what it stands in and what it asks; without recursion, as conditions may be a long chain."""
    order: dict[str, Spot] = {}
    begun: set[str] = set()
    stack = list(reversed(places.all))
    while stack:
        spot = stack[-1]
        if spot.field in begun:
            order.setdefault(spot.field, stack.pop())
            continue
        begun.add(spot.field)
        for other in (*(there for _, there in asked[spot.field]), spot.parent):
            if other is not None and other.field not in begun:
                stack.append(other)
    return order.values()


def _is_enabled(
    spot: Spot,
    asked: _Asked,
    given: Mapping[str, Answer],
    found: set[str],
    expressed: Mapping[str, bool],
) -> bool:
    if spot.parent is not None and not (spot.parent.field in found and stands(spot, given)):
        return False
    if spot.item.enable_expression is not None and not expressed.get(spot.field):
        return False
    met = [holds(condition, _counting(other, given, found)) for condition, other in asked]
    return not met or (any(met) if spot.item.enable_any else all(met))


def _counting(spot: Spot | None, given: Mapping[str, Answer], found: set[str]) -> tuple[Element, ...]:
    answer = given.get(spot.field) if spot is not None and spot.field in found else None
    return answer.fhir if answer else ()
