"""Answers → QuestionnaireResponse.item (FHIR R4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ipvscreen.sdc.answering.fields import Grower, Names, Places, Spot
from ipvscreen.sdc.answering.given import Answer, Answers
from ipvscreen.sdc.answering.nearest import answer_above
from ipvscreen.sdc.form import Form

# http://terminology.hl7.org/CodeSystem/data-absent-reason
DATA_ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
ASKED_DECLINED = "asked-declined"


def response_items(answers: Answers) -> list[dict[str, Any]]:
    """The items of a QuestionnaireResponse, in the order of the form, ready for JSON.

    An item that was passed stands without an answer and says why; one that was left, and a group in which
    nothing was answered, do not stand at all.
    """
    names = Names(answers.form)
    counts = names.counts([names.read(field) for field in answers.given])
    typed = {field: len(answer.values) for field, answer in answers.given.items()}
    body = bodies(Grower(counts, typed).places(answers.form), answers.given)
    return [_plain(item) for item in body.items]


def response(form: Form, items: Sequence[Mapping[str, Any]], status: str = "completed") -> dict[str, Any]:
    """A QuestionnaireResponse with no more than expressions need."""
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": form.canonical,
        "status": status,
        "item": list(items),
    }


@dataclass(frozen=True, slots=True)
class Bodies:
    """The items that stand, and each by its field: the very object."""

    items: list[dict[str, Any]]
    by_field: dict[str, dict[str, Any]]

    def above(self, spot: Spot, given: Mapping[str, Answer]) -> dict[str, Any] | None:
        """The answer that an item at `spot` stands under, or would; None where that is none."""
        place = answer_above(spot, given) if spot.under else None
        if place is None or spot.parent is None or spot.parent.field not in self.by_field:
            return None
        found: dict[str, Any] = self.by_field[spot.parent.field]["answer"][place]
        return found


def bodies(places: Places, given: Mapping[str, Answer]) -> Bodies:
    """QuestionnaireResponse.item of every place where something was answered; numbers are Decimals."""
    found = Bodies([], {})
    inner: dict[str, list[Spot]] = {}
    for spot in reversed(places.all):  # children first: whether a group stands depends on them
        standing = inner.get(spot.field, [])
        if spot.field in given or (standing and spot.item.type == "group"):
            _put(found, spot, given, standing[::-1])
            around = spot.parent.field if spot.parent is not None else ""
            inner.setdefault(around, []).append(spot)
    found.items.extend(found.by_field[spot.field] for spot in inner.get("", [])[::-1])
    return found


def _put(found: Bodies, spot: Spot, given: Mapping[str, Answer], standing: list[Spot]) -> None:
    body: dict[str, Any] = {"linkId": spot.item.link_id}
    if spot.item.text:
        body["text"] = spot.item.text
    answer = given.get(spot.field)
    if answer is not None:
        body |= _answered(answer)
    found.by_field[spot.field] = body
    for child in standing:
        holder = body if spot.item.type == "group" else found.above(child, given)
        if holder is not None:
            holder.setdefault("item", []).append(found.by_field[child.field])


def _answered(answer: Answer) -> dict[str, Any]:
    if answer.passed:
        return {"extension": [{"url": DATA_ABSENT_REASON, "valueCode": ASKED_DECLINED}]}
    return {"answer": [dict(element) for element in answer.fhir]}


def _plain(value: Any) -> Any:
    """For JSON: a Decimal of at most 15 digits is the same number as a float."""
    if isinstance(value, Decimal):
        return (
            int(value)
            if value == value.to_integral_value() and value.as_tuple().exponent == 0
            else float(value)
        )
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
