# ruff: noqa: E501  # tables of expressions are read as tables
"""What a form works out by itself: scopes, order, results, and what cannot be worked out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ipvscreen.errors import ExpressionFailed
from ipvscreen.sdc.calculate import Computed, Place, computed
from ipvscreen.sdc.fhirpath.scope import Scopes
from ipvscreen.sdc.fhirpath.worksheet import Worksheet
from ipvscreen.sdc.form import Constraint, Form, Item, Option, Unit, Variable

NOW = datetime(2026, 11, 22, tzinfo=UTC)
QR = "QuestionnaireResponse"


def number(link_id: str, **fields: Any) -> Item:
    return Item(link_id, link_id, fields.pop("type", "integer"), **fields)


def form_of(*items: Item, **fields: Any) -> Form:
    source = {"resourceType": "Questionnaire", "item": [_source(item) for item in items]}
    return Form("f", "u", "1", "t", "c", items=items, source=source, **fields)


def _source(item: Item) -> dict[str, Any]:
    return {"linkId": item.link_id, "text": item.text, "item": [_source(one) for one in item.items]}


def places_of(
    items: tuple[Item, ...], bodies: Mapping[str, Any], above: tuple[Place, ...] = ()
) -> list[Place]:
    found: list[Place] = []
    for item in items:
        place = Place(item, item.link_id, bodies.get(item.link_id), above)
        found += [place, *places_of(item.items, bodies, (*above, place))]
    return found


def bodies_in(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        body["linkId"]: body for item in items for body in (item, *bodies_in(item.get("item", [])).values())
    }


def said(link_id: str, value: int) -> dict[str, Any]:
    return {"linkId": link_id, "answer": [{"valueInteger": value}]}


def work(form: Form, *items: dict[str, Any], **launch: Any) -> Computed:
    response = {"resourceType": QR, "item": list(items)}
    return computed(form, response, places_of(form.items, bodies_in(list(items))), launch, now=NOW)


def read(link_id: str) -> str:
    return f"%resource.descendants().where(linkId='{link_id}').answer.value"


def test_a_calculation_has_its_result_in_the_type_of_its_item() -> None:
    form = form_of(number("a"), number("sum", calculated=f"{read('a')} + 1"))

    assert work(form, said("a", 2)).values == {"sum": ({"valueInteger": 3},)}
    assert work(form).values == {"sum": ()}


def test_calculations_use_each_other_whatever_their_order_and_the_response_stays_as_it_was() -> None:
    form = form_of(
        number("last", calculated=f"{read('middle')} * 2"),
        Item("g", "g", "group", items=(number("middle", calculated="%resource.item.where(linkId='first').answer.value + 1"),)),
        number("first", calculated="1 + 1"),
    )  # fmt: skip
    response: dict[str, Any] = {"resourceType": QR}

    found = computed(form, response, places_of(form.items, {}), {}, now=NOW)

    assert found.values == {
        "last": ({"valueInteger": 6},),
        "middle": ({"valueInteger": 3},),
        "first": ({"valueInteger": 2},),
    }
    assert response == {"resourceType": QR}


def test_calculations_that_read_whatever_there_is_settle() -> None:
    form = form_of(
        number("all", calculated="%resource.item.where(linkId != 'all').answer.value.sum()"),
        number("a"),
        number("b", calculated="%resource.item.where(linkId = 'a').answer.value + 1"),
    )

    assert work(form, said("a", 1)).values["all"] == ({"valueInteger": 3},)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("iif({b}.exists(), {b} + 1, 1)", "iif({a}.exists(), {a} + 1, 1)"),
        ("iif({a}.exists(), {a} + 1, 1)", "1"),
        ("%resource.item.answer.value.sum() + 1", "1"),
    ],
)
def test_calculations_without_an_end_are_loud(first: str, second: str) -> None:
    form = form_of(
        *(
            number(name, calculated=text.replace("{a}", read("a")).replace("{b}", read("b")))
            for name, text in (("a", first), ("b", second), ("c", "%resource.item.answer.value.sum() + 1"))
        )
    )

    with pytest.raises(ExpressionFailed, match="do not come to an end"):
        work(form)


def test_a_value_that_is_gone_is_taken_out_again_and_what_stands_below_an_answer_stays() -> None:
    below = {"linkId": "below", "answer": [{"valueInteger": 9}]}
    item = number("c", calculated=f"{read('a')}", items=(number("below"),))
    form = form_of(
        number("a"),
        item,
        number("seen", calculated=f"{read('c')}"),
        number("under", calculated=read("below")),
    )
    old = {"linkId": "c", "answer": [{"valueInteger": 1, "item": [below]}]}

    assert work(form, {**old}).values == {"c": (), "seen": (), "under": ()}
    assert work(form, said("a", 5), {**old}).values == {
        "c": ({"valueInteger": 5},), "seen": ({"valueInteger": 5},), "under": ({"valueInteger": 9},),
    }  # fmt: skip


def test_a_calculation_below_a_question_stands_under_its_answer() -> None:
    inner = number("inner", calculated="7")
    form = form_of(number("q", items=(inner,)), number("sees", calculated=read("inner")))
    body = said("q", 1)
    response = {"resourceType": QR, "item": [body]}
    question = Place(form.items[0], "q", body)
    sees = Place(form.items[1], "sees")

    for answer in (None, body["answer"][0]):
        places = [question, Place(inner, "inner", None, (question,), answer), sees]
        assert computed(form, response, places, {}, now=NOW).values["sees"] == ({"valueInteger": 7},)


def test_below_a_question_without_an_answer_a_calculation_is_not_seen_by_others() -> None:
    form = form_of(
        number("q", items=(number("inner", calculated="7"),)), number("sees", calculated=read("inner"))
    )

    assert work(form).values == {"inner": ({"valueInteger": 7},), "sees": ()}


def test_variables_are_known_from_the_root_inwards_and_the_nearest_counts() -> None:
    group = Item(
        "g", "g", "group",
        variables=(Variable("x", "%x + 1"), Variable("here", "item.where(linkId='a').answer.value")),
        items=(number("a"), number("c", calculated="%x + %y + %here", variables=(Variable("y", "%x * 10"),))),
    )  # fmt: skip
    form = form_of(
        group, number("d", calculated="%x"), variables=(Variable("x", "1"), Variable("two", "%x + 1"))
    )

    found = work(form, {"linkId": "g", "item": [said("a", 3)]})

    assert found.values == {"c": ({"valueInteger": 25},), "d": ({"valueInteger": 1},)}


def test_a_variable_is_worked_out_again_when_what_it_reads_has_changed() -> None:
    form = form_of(
        number("first", calculated="1"),
        number("second", calculated="%seen.count() + %fixed"),
        number("third", calculated="%whole"),
        variables=(Variable("fixed", "10"), Variable("seen", read("first")), Variable("whole", "%resource.item.answer.value.count()")),
    )  # fmt: skip

    found = work(form).values

    assert found["second"] == ({"valueInteger": 11},)
    assert found["third"] == ({"valueInteger": 3},)


def test_the_names_of_sdc_are_known() -> None:
    form = form_of(
        number("a", calculated="%questionnaire.item.count()"),
        number("b", type="string", calculated="%qitem.text"),
        number("c", type="string", calculated="%context.linkId"),
        number("d", type="string", initial_expression="%patient.gender"),
        number("e", type="date", initial_expression="today()"),
        number("f", type="boolean", calculated="%user.empty() and %qitem.exists()"),
        launch=("patient", "user"),
    )

    found = work(form, patient={"resourceType": "Patient", "gender": "female"})

    assert found.values["a"] == ({"valueInteger": 6},)
    assert found.values["b"] == ({"valueString": "b"},)
    assert found.values["c"] == ({"valueString": "c"},)
    assert found.values["f"] == ({"valueBoolean": True},)
    assert found.initial == {"d": ({"valueString": "female"},), "e": ({"valueDate": "2026-11-22"},)}


def test_a_form_without_its_source_knows_no_questionnaire() -> None:
    form = Form("f", "u", "1", "t", "c", items=(number("a", calculated="(%questionnaire | %qitem).count()"),))

    assert work(form).values == {"a": ({"valueInteger": 0},)}


@pytest.mark.parametrize(("value", "shown"), [(1, True), (2, False), (None, False)])
def test_enable_when_expression(value: int | None, shown: bool) -> None:
    form = form_of(number("a"), number("b", enable_expression=f"{read('a')} = 1"))

    assert work(form, *([said("a", value)] if value else [])).enabled == {"b": shown}


def test_constraints_are_broken_only_where_they_are_false() -> None:
    low = Constraint("low", "answer.value > 5", "Too low.")
    odd = Constraint("odd", f"{read('b')} > 1", "Odd.", warning=True)
    whole = Constraint("whole", "item.count() > 1", "Too little.")
    form = form_of(number("a", constraints=(low, odd)), constraints=(whole,))

    assert work(form, said("a", 3)).broken == {"": (whole,), "a": (low,)}
    assert work(form).broken == {"": (whole,)}
    assert work(form, said("a", 6), said("x", 1)).broken == {}


def option(code: str) -> Option:
    return Option(code, code, fhir={"valueCoding": {"system": "urn:x", "code": code, "display": code}})


CODING = {"system": "urn:x", "code": "y"}


@pytest.mark.parametrize(
    ("item", "expression", "element"),
    [
        (number("c", type="boolean"), "true", {"valueBoolean": True}),
        (number("c"), "4 / 2", {"valueInteger": 2}),
        (number("c", type="decimal"), "1 / 3", {"valueDecimal": Decimal("0.33333333333333333")}),
        (number("c", type="decimal", max_decimal_places=1), "0.25", {"valueDecimal": Decimal("0.3")}),
        (number("c", type="decimal"), "2", {"valueDecimal": Decimal(2)}),
        (number("c", type="text"), "'a' & 'b'", {"valueString": "ab"}),
        (number("c", type="url"), "'urn:a'", {"valueUri": "urn:a"}),
        (number("c", type="date"), "now()", {"valueDate": "2026-11-22"}),
        (number("c", type="dateTime"), "@2020-01-01T10:00:00Z", {"valueDateTime": "2020-01-01T10:00:00Z"}),
        (number("c", type="time"), "@T10:00", {"valueTime": "10:00"}),
        (number("c", type="quantity"), "2 'kg'", {"valueQuantity": {"value": 2, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}}),
        (number("c", type="quantity", unit=Unit("points")), "2", {"valueQuantity": {"value": 2, "unit": "points"}}),
        (number("c", type="quantity"), "2", {"valueQuantity": {"value": 2}}),
        (number("c", type="reference"), "%patient.generalPractitioner", {"valueReference": {"reference": "Practitioner/1"}}),
        (number("c", type="choice", options=(option("n"), option("y"))), "%patient.maritalStatus.coding", dict(option("y").fhir)),
        (number("c", type="choice", unchecked_options=True), "%patient.maritalStatus.coding", {"valueCoding": CODING}),
        (number("c", type="open-choice", options=(option("n"),)), "'own'", {"valueString": "own"}),
        (number("c", type="choice", options=(Option("3", "3", fhir={"valueInteger": 3}),)), "1 + 2", {"valueInteger": 3}),
    ],
)  # fmt: skip
def test_results_become_elements_of_the_item(item: Item, expression: str, element: dict[str, Any]) -> None:
    patient = {
        "resourceType": "Patient",
        "generalPractitioner": [{"reference": "Practitioner/1"}],
        "maritalStatus": {"coding": [CODING]},
    }
    calculated = Item(**{name: getattr(item, name) for name in item.__slots__} | {"calculated": expression})

    assert work(form_of(calculated, launch=("patient",)), patient=patient).values == {"c": (element,)}


@pytest.mark.parametrize(
    ("item", "expression"),
    [
        (number("c", type="boolean"), "1"),
        (number("c"), "1.5"),
        (number("c"), "99999999999"),
        (number("c"), "'1'"),
        (number("c"), "true"),
        (number("c", type="decimal"), "'1'"),
        (number("c", type="text"), "1"),
        (number("c", type="text"), "''"),
        (number("c", type="date"), "'soon'"),
        (number("c", type="dateTime"), "1"),
        (number("c", type="quantity"), "'1'"),
        (number("c", type="reference"), "'Patient/1'"),
        (number("c", type="choice", options=(option("n"),)), "'n'"),
        (number("c", type="choice", options=(Option("1", "1", fhir={"valueInteger": 1}),)), "true"),
        (number("c", type="choice", unchecked_options=True), "'n'"),
        (number("c"), "1 | 2"),
        (number("c"), "item.answer.weight() | 'x' + 1"),
    ],
)
def test_a_result_that_the_item_cannot_hold_is_loud_and_names_the_item(item: Item, expression: str) -> None:
    calculated = Item(**{name: getattr(item, name) for name in item.__slots__} | {"calculated": expression})

    with pytest.raises(ExpressionFailed, match="tem c"):
        work(form_of(calculated))


def test_a_constraint_of_the_form_that_fails_is_loud() -> None:
    with pytest.raises(ExpressionFailed, match="no number"):
        work(form_of(number("a"), constraints=(Constraint("k", "'x' + 1", "h"),)))


def test_instances_of_one_item_are_all_seen() -> None:
    item = number("c", calculated="1")
    form = form_of(
        item, number("n", calculated=f"{read('c')}.sum() + %resource.item.where(linkId='c').count()")
    )
    places = [Place(item, "c"), Place(item, "c~2"), Place(form.items[1], "n")]
    eager = Place(number("a", calculated=f"iif({read('other')}.exists(), 1, 1)"), "a")

    found = computed(form, {"resourceType": QR}, [eager, *places], {}, now=NOW)

    assert found.values["n"] == ({"valueInteger": 4},)


def test_several_results_for_an_item_that_repeats() -> None:
    form = form_of(
        number("c", calculated="1 | 2", repeats=True), number("n", calculated=f"{read('c')}.sum()")
    )

    assert work(form).values["n"] == ({"valueInteger": 3},)


def test_the_weights_of_answers_are_those_of_the_questionnaire() -> None:
    choice = Item("a", "a", "choice", options=(option("y"),))
    score = number("c", calculated="%resource.item.where(linkId='a').answer.weight().sum()")
    weight = {"url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": 4}
    source = {
        "resourceType": "Questionnaire",
        "item": [{"linkId": "a", "answerOption": [{"valueCoding": CODING, "extension": [weight]}]}],
    }
    form = Form("f", "u", "1", "t", "c", items=(choice, score), source=source)

    assert work(form, {"linkId": "a", "answer": [{"valueCoding": dict(CODING)}]}).values == {
        "c": ({"valueInteger": 4},)
    }
    assert work(form).values == {"c": ()}


def test_a_calculated_choice_weighs_too() -> None:
    given = dict(CODING)
    choice = Item("a", "a", "choice", options=(option("y"),), calculated="%patient.maritalStatus.coding")
    score = number("c", calculated="%resource.item.where(linkId='a').answer.value.weight()")
    before = number("b", calculated="iif(%resource.item.where(linkId='z').answer.weight().empty(), 1, 2)")
    weight = {"url": "http://hl7.org/fhir/StructureDefinition/itemWeight", "valueDecimal": 4}
    source = {"item": [{"linkId": "a", "answerOption": [{"valueCoding": given, "extension": [weight]}]}]}
    form = Form("f", "u", "1", "t", "c", items=(before, choice, score), source=source, launch=("patient",))

    found = work(form, patient={"resourceType": "Patient", "maritalStatus": {"coding": [given]}})

    assert found.values["c"] == ({"valueInteger": 4},)


def test_the_names_of_a_scope_can_be_listed() -> None:
    form = form_of(number("a"), variables=(Variable("x", "1"), Variable("y", "2")))
    sheet = Worksheet(form, {"resourceType": QR}, [])
    scope = Scopes(form, sheet, {}, NOW).known(None)

    assert set(scope) == {"x", "y", "resource", "rootResource", "questionnaire"}
    assert len(scope) == 5
