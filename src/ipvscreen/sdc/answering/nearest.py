"""Which place of a question a condition asks, where the question stands more than once."""

from bisect import bisect_left
from collections.abc import Mapping

from ipvscreen.sdc.answering.fields import Places, Spot
from ipvscreen.sdc.answering.given import OTHER, Answer


class Nearest:
    """Of one form filled in; what stands in what is looked up once for each question that is asked."""

    def __init__(self, places: Places, given: Mapping[str, Answer]) -> None:
        self._places, self._given = places, given
        self._known: dict[str, Mapping[str, list[Spot]]] = {}

    def place(self, spot: Spot, link_id: str) -> Spot | None:
        """The one that a condition at `spot` asks: in the same repeated group, then outwards.

        FHIR R4, item.enableWhen.question: along the ancestors, then the nearest one before, then the first
        after; of those that stand under an answer only where it was given.
        """
        occurrences = self._places.by_link_id.get(link_id, ())
        if len(occurrences) < 2:
            return occurrences[0] if occurrences else None
        if link_id not in self._known:
            self._known[link_id] = self._inside(occurrences)
        inside = self._known[link_id]
        here = next((one.field for one in (spot, *spot.line()) if one.field in inside), "")
        return self._beside(spot, inside[here])

    def _inside(self, occurrences: tuple[Spot, ...]) -> Mapping[str, list[Spot]]:
        """By the field of each thing that holds some, those in it; all of the form under ""."""
        standing = [
            one for one in occurrences if all(stands(each, self._given) for each in (one, *one.line()))
        ]
        found: dict[str, list[Spot]] = {"": standing or list(occurrences)}
        for one in standing:
            for around in (one, *one.line()):
                found.setdefault(around.field, []).append(one)
        return found

    def _beside(self, spot: Spot, found: list[Spot]) -> Spot:
        position = self._places.position
        before = bisect_left(found, position[spot.field], key=lambda one: position[one.field])
        return found[max(0, before - 1)]


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
    options = parent.item.options
    value = options[wanted].value if wanted < len(options) else OTHER
    return answer.values.index(value) if value in answer.values else None
