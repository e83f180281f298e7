"""The Observations of one instrument: panel, items and total.

Their number depends on the form alone, never on the answers: a count must not tell a positive from a
negative. There is no `interpretation` on purpose: record systems colour, route and notify by it, which would
show the result in lists that a bystander sees; who may open the entry reads the items.
Rules of performer and derivedFrom: HL7 SDOH Clinical Care, ObservationScreeningResponse.
"""

from collections.abc import Sequence
from typing import Any

from ipvscreen.ipv.assessment import Outcome, Result
from ipvscreen.ipv.instruments import HARK
from ipvscreen.resources.context import Context
from ipvscreen.resources.draft import Labelled, business_key, entry
from ipvscreen.resources.labels import About
from ipvscreen.resources.policy import Categories
from ipvscreen.resources.terminology import (
    DATA_ABSENT,
    LOINC,
    OBSERVATION_CATEGORY,
    SDOHCC,
    UCUM,
    US_CORE_CATEGORY,
    Absent,
    ObservationStatus,
    concept,
)
from ipvscreen.sdc.answers import Answer, Answers
from ipvscreen.sdc.form import Code, Item

# Beside the category of R4. These name the topic: where lists print them, the other policy is needed.
_CATEGORIES: dict[Categories, tuple[dict[str, Any], ...]] = {
    Categories.SDOH: (concept(US_CORE_CATEGORY, "sdoh"), concept(SDOHCC, "intimate-partner-violence")),
    Categories.SURVEY: (),
}
_TOTALS = {HARK: concept(LOINC, "76504-0", "Total score [HARK]")}


def observation(ctx: Context, name: str, body: dict[str, Any], *, category: str = "survey") -> Labelled:
    """One labelled Observation of this visit; `body` brings code, value and what it rests on."""
    frame = {
        "status": ObservationStatus.FINAL,
        "category": [concept(OBSERVATION_CATEGORY, category), *_CATEGORIES[ctx.policy.categories]],
        "subject": ctx.patient,
        **ctx.encounter,
        "effectiveDateTime": ctx.instant,
        "issued": ctx.instant,
    }
    return entry(
        business_key(ctx.visit_id, name), "Observation", frame | body, About.SCREEN, ctx.policy.labels
    )


def absent(reason: Absent, *, local: dict[str, Any] | None = None) -> dict[str, Any]:
    """The `dataAbsentReason` element; `local` is a CodeableConcept whose Coding and text are added."""
    coded = concept(DATA_ABSENT, reason)
    if local:
        coded = local | {"coding": coded["coding"] + local["coding"]}
    return {"dataAbsentReason": coded}


def instrument_observations(
    ctx: Context, answers: Answers, result: Result | None, response: Labelled
) -> tuple[Labelled, ...]:
    """Items, total where the form has one, and a panel where there is more than one item."""
    form = answers.form
    gap = Absent.ASKED_DECLINED if result and result.outcome is Outcome.DECLINED else Absent.NOT_ASKED
    asked = [item for item in form.questions() if not item.enable_when]
    items = [_item(ctx, answers, item, gap, response) for item in asked]
    total = [_total(ctx, answers, result, items)] if form.name in _TOTALS else []
    panel = [_panel(ctx, answers, [*items, *total], response)] if len(items) > 1 else []
    return (*items, *total, *panel)


def _item(ctx: Context, answers: Answers, item: Item, gap: Absent, response: Labelled) -> Labelled:
    body = {
        "code": _code(item.code, item.text),
        "performer": [ctx.patient],  # who answered
        "derivedFrom": [response.reference],
        **_value(item, answers.given.get(item.link_id), gap),
    }
    follow_ups = [i for i in answers.form.questions() if item.link_id in {c.question for c in i.enable_when}]
    components = [part for follow_up in follow_ups for part in _components(answers, follow_up)]
    if components:
        body["component"] = components
    return observation(ctx, f"{answers.form.name}/item/{item.link_id}", body)


def _total(ctx: Context, answers: Answers, result: Result | None, items: Sequence[Labelled]) -> Labelled:
    """Derived, so without performer; without a number unless every item has an answer."""
    if result is None or result.score is None:
        value = absent(Absent.UNKNOWN)
    else:
        unit = {"unit": "{score}", "system": UCUM, "code": "{score}"}
        value = {"valueQuantity": {"value": result.score, **unit}}
    body = {
        "code": _TOTALS[answers.form.name],
        "derivedFrom": [item.reference for item in items],
        **value,
    }
    return observation(ctx, f"{answers.form.name}/total", body)


def _panel(ctx: Context, answers: Answers, members: Sequence[Labelled], response: Labelled) -> Labelled:
    body = {
        "code": _code(answers.form.code, answers.form.title),
        "performer": [ctx.patient],
        "hasMember": [member.reference for member in members],
        "derivedFrom": [response.reference],
    }
    return observation(ctx, f"{answers.form.name}/panel", body)


def _components(answers: Answers, item: Item) -> list[dict[str, Any]]:
    """A follow-up question is part of its question's Observation: else a yes would add Observations."""
    answer = answers.given.get(item.link_id)
    if answer is None:
        return []
    code = {"code": _code(item.code, item.text)}
    if answer.passed:
        return [code | absent(Absent.ASKED_DECLINED)]
    return [code | _coded(item, value) for value in answer.values]


def _value(item: Item, answer: Answer | None, gap: Absent) -> dict[str, Any]:
    if answer is None:
        return absent(gap)
    return absent(Absent.ASKED_DECLINED) if answer.passed else _coded(item, answer.values[0])


def _coded(item: Item, value: str) -> dict[str, Any]:
    if item.type == "integer":
        return {"valueInteger": int(value)}
    if item.type == "string":
        return {"valueString": value}
    option = next(option for option in item.options if option.value == value)
    system = {"system": option.system} if option.system else {}
    return {"valueCodeableConcept": {"coding": [{**system, "code": option.code, "display": option.display}]}}


def _code(codes: Sequence[Code], text: str) -> dict[str, Any]:
    codings = [
        {"system": c.system, "code": c.code} | ({"display": c.display} if c.display else {}) for c in codes
    ]
    return ({"coding": codings} if codings else {}) | {"text": text}
