"""A Questionnaire of any size for the bench: scored choices, numbers, words and dates in groups, and sums."""

from typing import Any

ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
CALCULATED = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression"
CONTROL = "http://hl7.org/fhir/StructureDefinition/questionnaire-itemControl"
CONTROLS = "http://hl7.org/fhir/questionnaire-item-control"
ANSWERS = ("Never", "Some days", "Most days", "Every day")
GROUP = 20  # questions


def extension(url: str, **value: Any) -> list[dict[str, Any]]:
    """A list of one extension."""
    return [{"url": url, **value}]


def question(number: int) -> dict[str, Any]:
    """Every fifth is an integer, a string, a date or a yes-or-no in turn; the others are scored choices."""
    item: dict[str, Any] = {"linkId": f"q{number}", "text": f"Question number {number}, how often was it?"}
    if number % 5 == 0:
        return item | {"type": ("integer", "string", "date", "boolean")[number // 5 % 4]}
    options = [
        {
            "extension": extension(ORDINAL, valueDecimal=score),
            "valueCoding": {"system": "https://example.org/often", "code": f"o{score}", "display": answer},
        }
        for score, answer in enumerate(ANSWERS)
    ]
    return item | {"type": "choice", "answerOption": options}


def total(number: int, links: list[str]) -> dict[str, Any]:
    """An item that adds up the scored questions of these."""
    scored = " or ".join(f"linkId = '{link}'" for link in links)
    expression = f"%resource.descendants().where({scored}).answer.value.ordinal().sum()"
    value = {"language": "text/fhirpath", "expression": expression}
    return {
        "extension": extension(CALCULATED, valueExpression=value),
        "linkId": f"sum{number}",
        "text": f"Sum number {number}",
        "type": "decimal",
        "readOnly": True,
    }


def made_form(items: int, sums: int, *, paged: bool = False) -> dict[str, Any]:
    """A form with so many questions in groups of 20, and so many sums at its end; or a page a group."""
    page = extension(CONTROL, valueCodeableConcept={"coding": [{"system": CONTROLS, "code": "page"}]})
    groups: list[dict[str, Any]] = [
        {
            **({"extension": page} if paged else {}),
            "linkId": f"g{first}",
            "text": f"Part from {first}",
            "type": "group",
            "item": [question(number) for number in range(first, min(first + GROUP, items + 1))],
        }
        for first in range(1, items + 1, GROUP)
    ]
    scored = [f"q{number}" for number in range(1, items + 1) if number % 5]
    groups[-1]["item"] += [
        total(number, [scored[(number * 4 + place) % len(scored)] for place in range(4)])
        for number in range(sums)
    ]
    return {
        "resourceType": "Questionnaire",
        "url": f"https://example.org/Questionnaire/made-{items}",
        "version": "1",
        "name": f"Made{items}",
        "title": "Health questionnaire",
        "status": "active",
        "copyright": "Made for the bench.",
        "item": groups,
    }
