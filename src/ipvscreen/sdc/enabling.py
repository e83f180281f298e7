"""Which items are to be asked: enableWhen with every operator, and only what stands under an answer given."""

from collections import deque
from collections.abc import Callable, Mapping

from ipvscreen.sdc.compare import order, same
from ipvscreen.sdc.fields import Places, Spot
from ipvscreen.sdc.form import Condition
from ipvscreen.sdc.given import OTHER, Answer
from ipvscreen.sdc.values import Element, posted

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


def nearest(places: Places, spot: Spot, link_id: str, given: Mapping[str, Answer]) -> Spot | None:
    """The place of a question that a condition at `spot` asks: in the same repeated group, then outwards.

    FHIR R4, item.enableWhen.question: along the ancestors, then the nearest one before, then the first after;
    of those that stand under an answer only where it was given.
    """
    occurrences = places.by_link_id.get(link_id, ())
    if len(occurrences) < 2:
        return occurrences[0] if occurrences else None
    there = [one for one in occurrences if all(stands(above, given) for above in (one, *one.line()))]
    for here in (spot, *spot.line()):
        inside = [one for one in there if one is here or here in one.line()]
        if inside:
            return _beside(places, spot, inside)
    return _beside(places, spot, there or list(occurrences))


def _beside(places: Places, spot: Spot, found: list[Spot]) -> Spot:
    here = places.position[spot.field]
    before = [one for one in found if places.position[one.field] < here]
    return before[-1] if before else found[0]


def enabled(
    places: Places, given: Mapping[str, Answer], expressed: Mapping[str, bool] | None = None
) -> frozenset[str]:
    """The fields of every item to be asked or shown; `expressed` says what enableWhenExpressions came to.

    An answer to an item that is not enabled counts for nothing. Each place is looked at again whenever
    something that it depends on has changed; conditions in a circle, which no loaded form has, end too.
    """
    asked = {spot.field: _asked(places, spot, given) for spot in places.all}
    waiting = _dependents(places, asked)
    found: set[str] = set()
    queue = deque(places.all)
    left = len(queue) * (len(queue) + 1)
    while queue and left:
        spot, left = queue.popleft(), left - 1
        now = _is_enabled(spot, asked[spot.field], given, found, expressed or {})
        if now is not (spot.field in found):
            (found.add if now else found.discard)(spot.field)
            queue.extend(waiting.get(spot.field, ()))
    return frozenset(found)


def _asked(places: Places, spot: Spot, given: Mapping[str, Answer]) -> tuple[Spot | None, ...]:
    return tuple(nearest(places, spot, condition.question, given) for condition in spot.item.enable_when)


def _dependents(places: Places, asked: Mapping[str, tuple[Spot | None, ...]]) -> Mapping[str, list[Spot]]:
    found: dict[str, list[Spot]] = {}
    for spot in places.all:
        for other in (*asked[spot.field], spot.parent):
            if other is not None:
                found.setdefault(other.field, []).append(spot)
    return found


def _is_enabled(
    spot: Spot,
    asked: tuple[Spot | None, ...],
    given: Mapping[str, Answer],
    found: set[str],
    expressed: Mapping[str, bool],
) -> bool:
    if spot.parent is not None and not (spot.parent.field in found and stands(spot, given)):
        return False
    if spot.item.enable_expression is not None and not expressed.get(spot.field, False):
        return False
    met = [
        holds(condition, _counting(other, given, found))
        for condition, other in zip(spot.item.enable_when, asked, strict=True)
    ]
    return not met or (any(met) if spot.item.enable_any else all(met))


def _counting(spot: Spot | None, given: Mapping[str, Answer], found: set[str]) -> tuple[Element, ...]:
    answer = given.get(spot.field) if spot is not None and spot.field in found else None
    return answer.fhir if answer else ()


def stands(spot: Spot, given: Mapping[str, Answer]) -> bool:
    """Whether the answer that it stands under was given; so it does in a group, or beside a question."""
    return not spot.under or answer_above(spot, given) is not None


def answer_above(spot: Spot, given: Mapping[str, Answer]) -> int | None:
    """Which of the answers of its question it stands under, as they were given, from 0; None if of none."""
    parent = spot.parent
    answer = given.get(parent.field) if parent is not None else None
    if parent is None or answer is None or answer.passed:
        return None
    if not parent.item.repeats:
        return 0
    wanted = spot.under - 1
    if not parent.item.options:
        return wanted if wanted < len(answer.fhir) else None
    places = [posted(parent.item, element) for element in answer.fhir]
    values = [*(option.value for option in parent.item.options), *([OTHER] if parent.item.is_open else [])]
    return places.index(values[wanted]) if values[wanted] in places else None
