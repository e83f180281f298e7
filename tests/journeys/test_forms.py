"""Every feature of a Questionnaire that the support page names, through the real page in Chromium.

docs/reference/sdc-support.md is made from the marks of this file: see tests/unit/web/test_support_page.py.
"""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from ipvscreen.errors import FormRefused
from ipvscreen.web.preview import make_preview

SMART_APP = Path(__file__).parents[2] / "smart_app"
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
CORE = "http://hl7.org/fhir/StructureDefinition/"
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
LOCAL = "urn:example:answers"
feature = pytest.mark.feature


def questionnaire(*items: dict[str, Any], **about: Any) -> dict[str, Any]:
    """A form of these items."""
    return {
        "resourceType": "Questionnaire",
        "url": "https://forms.example/Questionnaire/f",
        "version": "1",
        "name": "Example",
        "title": "Health questionnaire",
        "status": "active",
        "language": "en",
        "copyright": "Made up for tests.",
        "item": list(items),
        **about,
    }


def item(link_id: str, kind: str, **more: Any) -> dict[str, Any]:
    """One item; its text is "Text of" its linkId unless told."""
    return {"linkId": link_id, "text": f"Text of {link_id}", "type": kind, **more}


def extension(url: str, **value: Any) -> dict[str, Any]:
    return {"url": url, **value}


def control(code: str) -> dict[str, Any]:
    system = "http://hl7.org/fhir/questionnaire-item-control"
    return extension(
        f"{CORE}questionnaire-itemControl",
        valueCodeableConcept={"coding": [{"system": system, "code": code}]},
    )


def expression(url: str, text: str, name: str | None = None) -> dict[str, Any]:
    body = {"language": "text/fhirpath", "expression": text} | ({"name": name} if name else {})
    return extension(url, valueExpression=body)


def options(*codes: str) -> list[dict[str, Any]]:
    """Codings whose display is the code with a capital."""
    return [{"valueCoding": coding(code)} for code in codes]


def answer_of(link_id: str) -> str:
    """FHIRPath for the first answer to a question that stands in no group."""
    return f"%resource.item.where(linkId='{link_id}').answer.value.first()"


def coding(code: str) -> dict[str, Any]:
    return {"system": LOCAL, "code": code, "display": code.capitalize()}


def yes_no(link_id: str = "well", **more: Any) -> dict[str, Any]:
    return item(link_id, "choice", answerOption=options("yes", "no"), **more)


def when(question: str, operator: str, **answer: Any) -> dict[str, Any]:
    return {"question": question, "operator": operator, **answer}


class Served:
    """One address at which a test shows the form that it wants."""

    def __init__(self) -> None:
        self.app: Any = None
        config = uvicorn.Config(self, host="127.0.0.1", port=0, log_config=None, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.02)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)

    def show(self, form: dict[str, Any]) -> None:
        self.app = make_preview(form, SMART_APP, url=self.url, clock=lambda: NOW)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    server = Served()
    yield server
    server.stop()


class Sheet:
    """The page of one form, and what comes of it."""

    def __init__(self, page: Page, served: Served) -> None:
        self.page, self._served = page, served

    def open(self, *items: dict[str, Any], **about: Any) -> None:
        """Show a form of these items."""
        self.open_form(questionnaire(*items, **about))

    def open_form(self, form: dict[str, Any]) -> None:
        self._served.show(form)
        self.page.goto(self._served.url)
        assert self.page.title() == "Health questionnaire"

    def accessible(self) -> None:
        report = Axe().run(self.page)
        assert report.violations_count == 0, report.generate_report()

    def named(self, name: str) -> Any:
        """The controls of that field."""
        return self.page.locator(f'[name="{name}"]')

    def fill(self, name: str, text: str) -> None:
        self.named(name).first.fill(text)

    def choose(self, name: str, value: str) -> None:
        self.page.locator(f'[name="{name}"][value="{value}"]').check()

    def button(self, words: str) -> None:
        self.page.get_by_role("button", name=words).first.click()

    def save(self) -> None:
        assert self.page.locator("main .button.primary").count() == 1
        self.page.click("main .button.primary")

    def saved(self) -> dict[str, Any]:
        """Save, and see that nothing is wrong; the response."""
        self.save()
        assert self.page.locator(".mistakes").count() == 0, self.page.text_content(".mistakes")
        assert self.outcome()["issue"][0]["severity"] == "information", self.outcome()
        response = self.response()
        assert response["status"] == "completed"
        return response

    def refused(self, name: str, words: str) -> None:
        """Save, and see what is wrong at that field and above; what was typed is kept."""
        self.save()
        place = self.page.locator(f'[id="i-{name}"]')
        told = place.locator(".mistake").first.text_content()
        assert told.strip()
        assert words in told, told
        assert words in self.page.text_content(".mistakes")
        assert self.page.locator(f'.mistakes a[href="#i-{name}"]').count() == 1
        assert self.response()["status"] == "in-progress"

    def response(self) -> dict[str, Any]:
        return json.loads(self.page.text_content("#response"))

    def outcome(self) -> dict[str, Any]:
        return json.loads(self.page.text_content("#outcome"))

    def answers(self, link_id: str) -> list[Any]:
        """The values of that item, wherever it stands in the response."""
        return [next(iter(value.values())) for value in _answers(self.response().get("item", []), link_id)]

    def shows(self, link_id: str) -> bool:
        place = self.page.locator(f'[id="i-{link_id}"]')
        return place.count() > 0 and place.first.is_visible()

    def value(self, name: str) -> str:
        """What is shown of a field that cannot be changed."""
        return self.page.text_content(f'output[data-name="{name}"]')


def _answers(items: list[dict[str, Any]], link_id: str) -> Iterator[dict[str, Any]]:
    for one in items:
        for answer in one.get("answer", []):
            if one["linkId"] == link_id:
                yield {key: value for key, value in answer.items() if key.startswith("value")}
            yield from _answers(answer.get("item", []), link_id)
        yield from _answers(one.get("item", []), link_id)


@pytest.fixture
def sheet(context: Any, served: Served) -> Sheet:
    return Sheet(context.new_page(), served)


@pytest.fixture
def plain(browser: Browser, served: Served) -> Iterator[Sheet]:
    """A browser without JavaScript."""
    context = browser.new_context(java_script_enabled=False)
    yield Sheet(context.new_page(), served)
    context.close()


# Types


@feature("type group")
def test_a_group_has_a_legend_and_its_questions(sheet: Sheet) -> None:
    sheet.open(item("g", "group", text="About sleep", item=[item("hours", "integer")]))
    assert sheet.page.locator("fieldset:has(> legend:text('About sleep')) [name=hours]").count() == 1
    sheet.fill("hours", "7")
    assert sheet.saved()["item"][0]["item"][0]["answer"] == [{"valueInteger": 7}]


@feature("type display")
def test_a_display_is_told_and_not_asked(sheet: Sheet) -> None:
    sheet.open(item("d", "display", text="Take your time."), item("s", "string"))
    assert "Take your time." in sheet.page.text_content("main form")
    assert sheet.named("d").count() == 0
    assert "item" not in sheet.saved() or sheet.response()["item"] == []


@feature("type boolean")
def test_a_boolean_is_yes_no_or_pass(sheet: Sheet) -> None:
    sheet.open(item("b", "boolean"), item("c", "boolean"))
    sheet.choose("b", "false")
    sheet.choose("c", "pass")
    sheet.saved()
    assert sheet.answers("b") == [False]
    assert sheet.response()["item"][1]["extension"][0]["valueCode"] == "asked-declined"


@feature("type decimal")
def test_a_decimal_is_kept_as_typed_where_it_is_none(sheet: Sheet) -> None:
    sheet.open(item("d", "decimal"))
    sheet.fill("d", "two and a half")
    sheet.refused("d", "number")
    assert sheet.named("d").input_value() == "two and a half"
    sheet.fill("d", "2.5")
    sheet.saved()
    assert sheet.answers("d") == [2.5]


@feature("type integer")
def test_an_integer_is_a_whole_number(sheet: Sheet) -> None:
    sheet.open(item("i", "integer"))
    sheet.fill("i", "1.5")
    sheet.refused("i", "whole number")
    sheet.fill("i", "-3")
    sheet.saved()
    assert sheet.answers("i") == [-3]


@feature("type date")
def test_a_date_is_picked_and_part_of_one_can_be_shown(sheet: Sheet) -> None:
    sheet.open(item("d", "date"), item("part", "date", initial=[{"valueDate": "2019-05"}]))
    assert sheet.named("d").get_attribute("type") == "date"
    assert sheet.named("part").input_value() == "2019-05"
    sheet.fill("d", "2026-02-28")
    sheet.saved()
    assert (sheet.answers("d"), sheet.answers("part")) == (["2026-02-28"], ["2019-05"])


@feature("type dateTime")
def test_a_date_and_time_goes_out_with_its_offset(sheet: Sheet) -> None:
    sheet.open(item("d", "dateTime"))
    sheet.fill("d", "2026-02-28T09:30")
    sheet.saved()
    assert datetime.fromisoformat(sheet.answers("d")[0]) == datetime(2026, 2, 28, 9, 30, tzinfo=UTC)
    assert sheet.named("d").input_value() == "2026-02-28T09:30"


@feature("type time")
def test_a_time_of_day_has_seconds_in_fhir(sheet: Sheet) -> None:
    sheet.open(item("t", "time"))
    sheet.fill("t", "23:05")
    sheet.saved()
    assert sheet.answers("t") == ["23:05:00"]


@feature("type string")
def test_a_string_is_one_line(sheet: Sheet) -> None:
    sheet.open(item("s", "string"))
    sheet.fill("s", '"><script>alert(1)</script>')
    sheet.saved()
    assert sheet.answers("s") == ['"><script>alert(1)</script>']
    assert sheet.named("s").input_value() == '"><script>alert(1)</script>'


@feature("type text")
def test_a_text_keeps_its_lines(sheet: Sheet) -> None:
    sheet.open(item("t", "text"))
    sheet.fill("t", "one\ntwo")
    sheet.saved()
    assert sheet.answers("t")[0].split() == ["one", "two"]
    assert sheet.named("t").evaluate("e => e.tagName") == "TEXTAREA"
    assert sheet.named("t").input_value() == "one\ntwo"


@feature("type url")
def test_a_url_is_checked(sheet: Sheet) -> None:
    sheet.open(item("u", "url"))
    sheet.fill("u", "not an address")
    sheet.refused("u", "address")
    sheet.fill("u", "https://example.org/a")
    sheet.saved()
    assert sheet.answers("u") == ["https://example.org/a"]


@feature("type choice")
def test_a_choice_takes_one_and_gives_its_coding(sheet: Sheet) -> None:
    sheet.open(yes_no())
    sheet.choose("well", "yes")
    sheet.choose("well", "no")
    sheet.saved()
    assert sheet.answers("well") == [coding("no")]


@feature("type open-choice")
def test_an_open_choice_takes_ones_own_words(sheet: Sheet) -> None:
    sheet.open(item("o", "open-choice", answerOption=options("tea", "coffee")))
    sheet.choose("o", "~other")
    sheet.fill("o~other", "Rooibos")
    sheet.saved()
    assert sheet.answers("o") == ["Rooibos"]
    assert sheet.named("o~other").input_value() == "Rooibos"


@feature("type quantity")
@feature("unit")
def test_a_quantity_has_its_unit(sheet: Sheet) -> None:
    kg = {"system": "http://unitsofmeasure.org", "code": "kg", "display": "kg"}
    sheet.open(
        item("q", "quantity", extension=[extension(f"{CORE}questionnaire-unit", valueCoding=kg)]),
        item("n", "integer", extension=[extension(f"{CORE}questionnaire-unit", valueCoding=kg)]),
    )
    assert sheet.page.locator("#i-q .unit, #i-n .unit").all_text_contents() == ["kg", "kg"]
    sheet.fill("q", "70.5")
    sheet.saved()
    assert sheet.answers("q") == [{"value": 70.5, "unit": "kg", "system": kg["system"], "code": "kg"}]


@feature("unitOption")
def test_a_unit_is_chosen(sheet: Sheet) -> None:
    units = [
        {"system": "http://unitsofmeasure.org", "code": c, "display": w}
        for c, w in (("kg", "kilos"), ("g", "grams"))
    ]
    sheet.open(
        item(
            "q",
            "quantity",
            extension=[extension(f"{CORE}questionnaire-unitOption", valueCoding=u) for u in units],
        )
    )
    sheet.fill("q", "70")
    sheet.page.select_option('[name="q~unit"]', label="grams")
    sheet.saved()
    assert sheet.answers("q")[0]["code"] == "g"
    assert sheet.named("q~unit").input_value() == "g"


@feature("type reference")
@feature("referenceResource")
def test_a_reference_is_typed_and_its_type_is_checked(sheet: Sheet) -> None:
    only = extension(f"{CORE}questionnaire-referenceResource", valueCode="Patient")
    sheet.open(item("r", "reference", extension=[only]))
    sheet.fill("r", "Device/1")
    sheet.refused("r", "Patient")
    sheet.fill("r", "Patient/1")
    sheet.saved()
    assert sheet.answers("r") == [{"reference": "Patient/1"}]


@feature("type attachment")
def test_an_attachment_is_validated_and_not_rendered(served: Served) -> None:
    with pytest.raises(FormRefused) as refused:
        served.show(questionnaire(item("a", "attachment")))
    assert refused.value.path.startswith("Questionnaire.item[0]")
    assert "validated, not rendered" in refused.value.sentence


# What follows from what


OPERATORS = {
    "exists": ("exists", {"answerBoolean": True}, ("5", ""), True),
    "=": ("=", {"answerInteger": 5}, ("5", "4"), True),
    "!=": ("!=", {"answerInteger": 5}, ("4", "5"), True),
    ">": (">", {"answerInteger": 5}, ("6", "5"), True),
    "<": ("<", {"answerInteger": 5}, ("4", "5"), True),
    ">=": (">=", {"answerInteger": 5}, ("5", "4"), True),
    "<=": ("<=", {"answerInteger": 5}, ("5", "6"), True),
}


def follows_number(operator: str) -> tuple[dict[str, Any], dict[str, Any]]:
    symbol, answer, _, _ = OPERATORS[operator]
    return item("n", "integer"), item("f", "string", enableWhen=[when("n", symbol, **answer)])


def check_operator(sheet: Sheet, operator: str) -> None:
    """At once with the script, and in the response whatever the script said."""
    met, unmet = OPERATORS[operator][2]
    sheet.open(*follows_number(operator))
    for value, shown in ((met, True), (unmet, False), (met, True)):
        sheet.fill("n", value)
        assert sheet.shows("f") is shown, (operator, value)
    sheet.fill("f", "kept")
    sheet.saved()
    assert sheet.answers("f") == ["kept"]
    sheet.fill("n", unmet)
    sheet.saved()
    assert sheet.answers("f") == []


@feature("enableWhen exists")
def test_enable_when_exists(sheet: Sheet) -> None:
    check_operator(sheet, "exists")


@feature("enableWhen =")
def test_enable_when_equal(sheet: Sheet) -> None:
    check_operator(sheet, "=")


@feature("enableWhen !=")
def test_enable_when_not_equal(sheet: Sheet) -> None:
    check_operator(sheet, "!=")


@feature("enableWhen >")
def test_enable_when_greater(sheet: Sheet) -> None:
    check_operator(sheet, ">")


@feature("enableWhen <")
def test_enable_when_less(sheet: Sheet) -> None:
    check_operator(sheet, "<")


@feature("enableWhen >=")
def test_enable_when_at_least(sheet: Sheet) -> None:
    check_operator(sheet, ">=")


@feature("enableWhen <=")
def test_enable_when_at_most(sheet: Sheet) -> None:
    check_operator(sheet, "<=")


def two_conditions(behaviour: str) -> tuple[dict[str, Any], ...]:
    conditions = [when(name, "=", answerCoding={"system": LOCAL, "code": "yes"}) for name in ("a", "b")]
    return (
        item("f", "string", enableWhen=conditions, enableBehavior=behaviour),  # before what it follows
        yes_no("a"),
        yes_no("b"),
    )


@feature("enableBehavior all")
def test_all_conditions_have_to_hold(sheet: Sheet) -> None:
    sheet.open(*two_conditions("all"))
    sheet.choose("a", "yes")
    assert not sheet.shows("f")
    sheet.choose("b", "yes")
    assert sheet.shows("f")


@feature("enableBehavior any")
def test_one_condition_is_enough(sheet: Sheet) -> None:
    sheet.open(*two_conditions("any"))
    assert not sheet.shows("f")
    sheet.choose("b", "yes")
    assert sheet.shows("f")
    sheet.choose("b", "no")
    assert not sheet.shows("f")


def test_an_answer_that_is_hidden_counts_for_nothing(sheet: Sheet) -> None:
    """A chain of conditions: what follows a hidden answer is hidden with it."""
    yes = {"answerCoding": {"system": LOCAL, "code": "yes"}}
    sheet.open(
        yes_no("a"),
        yes_no("b", enableWhen=[when("a", "=", **yes)]),
        item("c", "string", enableWhen=[when("b", "=", **yes)]),
    )
    sheet.choose("a", "yes")
    sheet.choose("b", "yes")
    assert sheet.shows("c")
    sheet.choose("a", "no")
    assert (sheet.shows("b"), sheet.shows("c")) == (False, False)


@feature("enableWhenExpression")
def test_an_expression_enables_after_an_update(sheet: Sheet) -> None:
    test = "%resource.item.where(linkId='n').answer.value.first() > 3"
    sheet.open(
        item("n", "integer"),
        item("f", "string", extension=[expression(f"{SDC}enableWhenExpression", test)]),
    )
    assert not sheet.shows("f")
    sheet.fill("n", "4")
    sheet.button("Update")
    assert sheet.shows("f")
    sheet.fill("n", "3")
    sheet.button("Update")
    assert not sheet.shows("f")


@feature("items under answers")
def test_what_stands_under_an_answer_goes_with_it(sheet: Sheet) -> None:
    sheet.open(yes_no("a", item=[item("why", "string")]))
    sheet.choose("a", "yes")
    if not sheet.shows("why"):
        sheet.button("Update")
    sheet.fill("why", "because")
    response = sheet.saved()
    assert response["item"][0]["answer"][0]["item"][0]["answer"] == [{"valueString": "because"}]


# Values that are there before, and values that are worked out


@feature("initial")
def test_an_initial_value_stands_there_and_can_be_removed(sheet: Sheet) -> None:
    sheet.open(item("s", "string", initial=[{"valueString": "before"}]))
    assert sheet.named("s").input_value() == "before"
    sheet.fill("s", "")
    sheet.saved()
    assert sheet.answers("s") == []


@feature("initialSelected")
def test_an_option_is_chosen_before(sheet: Sheet) -> None:
    first, second = options("tea", "coffee")
    sheet.open(item("c", "choice", answerOption=[first, {**second, "initialSelected": True}]))
    sheet.saved()
    assert sheet.answers("c") == [coding("coffee")]


LAUNCHED = {
    "extension": [
        {
            "url": f"{SDC}launchContext",
            "extension": [
                {
                    "url": "name",
                    "valueCoding": {
                        "system": "http://hl7.org/fhir/uv/sdc/CodeSystem/launchContext",
                        "code": "patient",
                    },
                },
                {"url": "type", "valueCode": "Patient"},
            ],
        }
    ]
}


@feature("initialExpression")
@feature("launchContext")
def test_an_initial_value_comes_from_the_patient(sheet: Sheet) -> None:
    born = expression(f"{SDC}initialExpression", "%patient.birthDate")
    sheet.open(item("d", "date", extension=[born]), **LAUNCHED)
    assert sheet.named("d").input_value() == "1990-06-15"
    sheet.saved()
    assert sheet.answers("d") == ["1990-06-15"]


@feature("calculatedExpression")
@feature("variable")
def test_a_value_is_worked_out_by_the_server(sheet: Sheet) -> None:
    both = "%resource.item.where(linkId='a' or linkId='b').answer.value"
    sheet.open(
        item("a", "integer"),
        item("b", "integer"),
        item(
            "sum",
            "integer",
            readOnly=True,
            extension=[
                expression(f"{CORE}variable", both, "both"),
                expression(f"{SDC}calculatedExpression", "%both.sum()"),
            ],
        ),
    )
    assert sheet.value("sum") == "–"
    sheet.fill("a", "2")
    sheet.fill("b", "3")
    sheet.button("Update")
    assert sheet.value("sum") == "5"
    sheet.saved()
    assert sheet.answers("sum") == [5]
    assert sheet.named("sum").count() == 0


WEIGHED = "%resource.item.where(linkId='well').answer.value.{}()"


def weighed(url: str, *, on_coding: bool, function: str) -> tuple[dict[str, Any], ...]:
    offered = options("yes", "no")
    for option, weight in zip(offered, (3, 1), strict=True):
        holder = option["valueCoding"] if on_coding else option
        holder["extension"] = [extension(url, valueDecimal=weight)]
    calculated = expression(f"{SDC}calculatedExpression", WEIGHED.format(function))
    return item("well", "choice", answerOption=offered), item(
        "w", "decimal", readOnly=True, extension=[calculated]
    )


def check_weight(sheet: Sheet, items: tuple[dict[str, Any], ...]) -> None:
    sheet.open(*items)
    sheet.choose("well", "yes")
    sheet.button("Update")
    assert sheet.value("w") == "3"


@feature("ordinalValue on the option")
def test_an_ordinal_value_on_the_option(sheet: Sheet) -> None:
    check_weight(sheet, weighed(f"{CORE}ordinalValue", on_coding=False, function="ordinal"))


@feature("ordinalValue on its Coding")
def test_an_ordinal_value_on_the_coding(sheet: Sheet) -> None:
    check_weight(sheet, weighed(f"{CORE}ordinalValue", on_coding=True, function="ordinal"))


@feature("itemWeight on the option")
def test_an_item_weight_on_the_option(sheet: Sheet) -> None:
    check_weight(sheet, weighed(f"{CORE}itemWeight", on_coding=False, function="weight"))


@feature("itemWeight on its Coding")
def test_an_item_weight_on_the_coding(sheet: Sheet) -> None:
    check_weight(sheet, weighed(f"{CORE}itemWeight", on_coding=True, function="weight"))


# Options and how they look


@feature("answerOption")
def test_options_of_other_types_are_chosen(sheet: Sheet) -> None:
    sheet.open(
        item("n", "integer", answerOption=[{"valueInteger": 1}, {"valueInteger": 2}]),
        item("s", "choice", answerOption=[{"valueString": "one"}, {"valueString": "two"}]),
    )
    sheet.page.get_by_label("2", exact=True).check()
    sheet.page.get_by_label("two", exact=True).check()
    sheet.saved()
    assert (sheet.answers("n"), sheet.answers("s")) == ([2], ["two"])


@feature("answerValueSet (contained)")
def test_options_come_from_a_contained_value_set(sheet: Sheet) -> None:
    concepts = [{"code": "a", "display": "Apple"}, {"code": "b", "display": "Banana"}]
    fruit = {
        "resourceType": "ValueSet",
        "id": "fruit",
        "status": "active",
        "compose": {"include": [{"system": LOCAL, "concept": concepts}]},
    }
    sheet.open(item("c", "choice", answerValueSet="#fruit"), contained=[fruit])
    sheet.page.get_by_label("Banana").check()
    sheet.saved()
    assert sheet.answers("c") == [{"system": LOCAL, "code": "b", "display": "Banana"}]


@feature("itemControl radio-button")
def test_radio_buttons_also_for_many(sheet: Sheet) -> None:
    many = [f"c{number}" for number in range(20)]
    sheet.open(item("c", "choice", answerOption=options(*many), extension=[control("radio-button")]))
    assert sheet.page.locator("input[type=radio][name=c]").count() == 21  # one is Pass


@feature("itemControl drop-down")
def test_a_list_that_opens(sheet: Sheet) -> None:
    sheet.open(item("c", "choice", answerOption=options("tea", "coffee"), extension=[control("drop-down")]))
    sheet.page.select_option("select[name=c]", label="Coffee")
    sheet.saved()
    assert sheet.answers("c") == [coding("coffee")]


@feature("itemControl check-box")
def test_several_are_ticked(sheet: Sheet) -> None:
    sheet.open(
        item(
            "c", "choice", repeats=True, answerOption=options("a", "b", "c"), extension=[control("check-box")]
        )
    )
    sheet.choose("c", "a")
    sheet.choose("c", "c")
    sheet.saved()
    assert sheet.answers("c") == [coding("a"), coding("c")]


@feature("itemControl help")
def test_help_is_folded_at_its_question(sheet: Sheet) -> None:
    tip = item("h", "display", text="As far as you know.", extension=[control("help")])
    sheet.open(item("s", "string", item=[tip]))
    words = sheet.page.get_by_text("As far as you know.")
    assert not words.is_visible()
    sheet.page.click("#i-s summary")
    assert words.is_visible()


def sheets() -> list[dict[str, Any]]:
    """Two pages with a header and a footer."""

    def group(link_id: str, way: str, *inside: dict[str, Any]) -> dict[str, Any]:
        return {"linkId": link_id, "type": "group", "extension": [control(way)], "item": list(inside)}

    return [
        group("h", "header", item("hd", "display", text="At the top")),
        group("one", "page", item("a", "integer", required=True)),
        group("two", "page", item("b", "integer", initial=[{"valueInteger": 9}])),
        group("f", "footer", item("fd", "display", text="At the end")),
    ]


@feature("itemControl page")
def test_one_page_at_a_time(sheet: Sheet) -> None:
    sheet.open(*sheets())
    assert (sheet.shows("a"), sheet.shows("b")) == (True, False)
    sheet.button("Next")
    assert "Text of a" in sheet.page.text_content(".mistakes")
    sheet.fill("a", "1")
    sheet.button("Next")
    assert (sheet.shows("a"), sheet.shows("b")) == (False, True)
    assert "Page 2 of 2" in sheet.page.text_content("main")
    sheet.accessible()
    assert sheet.named("b").input_value() == "9"
    sheet.fill("b", "2")
    sheet.button("Back")
    assert sheet.named("a").input_value() == "1"
    sheet.button("Next")
    assert sheet.named("b").input_value() == "2"
    sheet.saved()
    assert (sheet.answers("a"), sheet.answers("b")) == ([1], [2])


@feature("itemControl header")
@feature("itemControl footer")
def test_header_and_footer_on_every_page(sheet: Sheet) -> None:
    sheet.open(*sheets())
    sheet.fill("a", "1")
    for _ in range(2):
        text = sheet.page.text_content("main form")
        assert text.index("At the top") < text.index("Text of") < text.index("At the end")
        sheet.page.click("main .button.primary")


@feature("choiceOrientation")
def test_options_stand_beside_or_below_each_other(sheet: Sheet) -> None:
    def laid(link_id: str, way: str) -> dict[str, Any]:
        return yes_no(link_id, extension=[extension(f"{CORE}questionnaire-choiceOrientation", valueCode=way)])

    sheet.open(laid("h", "horizontal"), laid("v", "vertical"))

    def top(name: str, value: str) -> float:
        return sheet.page.locator(f'[name="{name}"][value="{value}"]').bounding_box()["y"]

    assert top("h", "yes") == top("h", "no")
    assert top("v", "yes") < top("v", "no")


@feature("optionExclusive")
def test_none_of_them_stands_alone(sheet: Sheet) -> None:
    first, none = options("a", "none")
    none["extension"] = [extension(f"{CORE}questionnaire-optionExclusive", valueBoolean=True)]
    sheet.open(item("c", "choice", repeats=True, answerOption=[first, none]))
    sheet.choose("c", "a")
    sheet.choose("c", "none")
    sheet.refused("c", "None")
    sheet.page.locator("[name=c][value=a]").uncheck()
    sheet.saved()


@feature("optionPrefix")
@feature("prefix")
def test_prefixes_stand_before_the_words(sheet: Sheet) -> None:
    first, second = options("tea", "coffee")
    first["extension"] = [extension(f"{CORE}questionnaire-optionPrefix", valueString="a)")]
    sheet.open(item("c", "choice", prefix="7.", answerOption=[first, second]))
    assert sheet.page.locator("#i-c legend").inner_text() == "7. Text of c"
    assert sheet.page.get_by_label("a) Tea").count() == 1


@feature("hidden")
def test_what_is_hidden_keeps_its_value(sheet: Sheet) -> None:
    hide = extension(f"{CORE}questionnaire-hidden", valueBoolean=True)
    sheet.open(item("h", "string", extension=[hide], initial=[{"valueString": "kept"}]), item("s", "string"))
    assert "Text of h" not in sheet.page.text_content("main form")
    sheet.saved()
    assert sheet.answers("h") == ["kept"]


@feature("readOnly")
def test_what_is_read_only_is_shown_as_text(sheet: Sheet) -> None:
    sheet.open(item("r", "string", readOnly=True, initial=[{"valueString": "fixed"}]), item("s", "string"))
    assert sheet.value("r") == "fixed"
    assert sheet.named("r").count() == 0
    sheet.saved()
    assert sheet.answers("r") == ["fixed"]


# What may be answered


@feature("required")
def test_what_is_needed_is_asked_for_again(sheet: Sheet) -> None:
    sheet.open(yes_no("a", required=True), item("s", "string"))
    sheet.fill("s", "stays")
    sheet.refused("a", "")
    assert sheet.named("s").input_value() == "stays"
    sheet.accessible()
    assert sheet.page.evaluate("document.activeElement.className") == "mistakes"
    sheet.choose("a", "no")
    sheet.saved()


@feature("repeats (group)")
def test_another_group_is_added_and_each_keeps_its_own(sheet: Sheet) -> None:
    child = [item("name", "string"), item("age", "integer")]
    sheet.open(item("g", "group", text="Child", repeats=True, item=child))
    sheet.fill("name", "Ada")
    sheet.button("Add another")
    sheet.fill("name~2", "Ben")
    sheet.fill("age~2", "4")
    sheet.accessible()
    response = sheet.saved()
    assert [group["item"][0]["answer"][0]["valueString"] for group in response["item"]] == ["Ada", "Ben"]


@feature("repeats (question)")
def test_another_answer_is_added(sheet: Sheet) -> None:
    sheet.open(item("s", "string", repeats=True))
    sheet.fill("s", "one")
    sheet.button("Add another")
    sheet.named("s").last.fill("two")
    sheet.accessible()
    sheet.saved()
    assert sheet.answers("s") == ["one", "two"]


def occurs(which: str, count: int) -> dict[str, Any]:
    return extension(f"{CORE}questionnaire-{which}Occurs", valueInteger=count)


@feature("minOccurs")
def test_at_least_two_have_to_be_chosen(sheet: Sheet) -> None:
    sheet.open(
        item(
            "c",
            "choice",
            repeats=True,
            required=True,
            answerOption=options("a", "b", "c"),
            extension=[occurs("min", 2)],
        )
    )
    sheet.choose("c", "a")
    sheet.refused("c", "2")
    sheet.choose("c", "b")
    sheet.saved()


@feature("maxOccurs")
def test_at_most_two_may_be_chosen(sheet: Sheet) -> None:
    sheet.open(
        item("c", "choice", repeats=True, answerOption=options("a", "b", "c"), extension=[occurs("max", 2)])
    )
    for value in "abc":
        sheet.choose("c", value)
    sheet.refused("c", "2")
    sheet.page.locator("[name=c][value=b]").uncheck()
    sheet.saved()


def limited(kind: str, url: str, **value: Any) -> dict[str, Any]:
    return item("x", kind, extension=[extension(url, **value)])


@pytest.mark.parametrize(
    ("form", "wrong", "words", "right"),
    [
        pytest.param(
            limited("string", f"{CORE}minLength", valueInteger=3),
            "ab",
            "3",
            "abc",
            marks=feature("minLength"),
        ),
        pytest.param(item("x", "string", maxLength=3), "abcd", "3", "abc", marks=feature("maxLength")),
        pytest.param(
            limited("string", f"{CORE}regex", valueString="[A-Z]{2}[0-9]"),
            "A1",
            "",
            "AB1",
            marks=feature("regex"),
        ),
        pytest.param(
            limited("integer", f"{CORE}minValue", valueInteger=18),
            "17",
            "18",
            "18",
            marks=feature("minValue"),
        ),
        pytest.param(
            limited("date", f"{CORE}maxValue", valueDate="2026-03-02"),
            "2026-03-03",
            "2026",
            "2026-03-02",
            marks=feature("maxValue"),
        ),
        pytest.param(
            limited("decimal", f"{CORE}maxDecimalPlaces", valueInteger=1),
            "1.25",
            "1",
            "1.2",
            marks=feature("maxDecimalPlaces"),
        ),
    ],
)
def test_what_does_not_fit_is_told_and_kept(
    sheet: Sheet, form: dict[str, Any], wrong: str, words: str, right: str
) -> None:
    sheet.open(form)
    sheet.fill("x", wrong)
    sheet.refused("x", words)
    assert sheet.named("x").input_value() == wrong
    sheet.fill("x", right)
    sheet.saved()


@feature("targetConstraint")
def test_a_constraint_speaks_with_its_own_words(sheet: Sheet) -> None:
    parts = [
        {"url": "key", "valueId": "c-1"},
        {"url": "severity", "valueCode": "error"},
        {"url": "human", "valueString": "The end must not be before the beginning."},
        {
            "url": "expression",
            "valueExpression": {
                "language": "text/fhirpath",
                "expression": f"{answer_of('to')} >= {answer_of('from')}",
            },
        },
    ]
    sheet.open(
        item("from", "integer"),
        item("to", "integer", extension=[{"url": f"{CORE}targetConstraint", "extension": parts}]),
    )
    sheet.fill("from", "5")
    sheet.fill("to", "4")
    sheet.refused("to", "The end must not be before the beginning.")
    sheet.fill("to", "6")
    sheet.saved()


# Words


@feature("rendering-markdown")
def test_markdown_is_shown_and_cannot_be_markup(sheet: Sheet) -> None:
    md = "Some **strong** words\n\n* one\n* two\n\n<b onclick=x>bold</b>"
    rich = {"extension": [extension(f"{CORE}rendering-markdown", valueMarkdown=md)]}
    sheet.open(item("s", "string", _text=rich))
    box = sheet.page.locator("#i-s .rich")
    assert box.locator("strong").text_content() == "strong"
    assert box.locator("li").all_text_contents() == ["one", "two"]
    assert "<b onclick=x>bold</b>" in box.text_content()
    assert box.locator("b").count() == 0


@feature("rendering-xhtml (the text instead)")
def test_xhtml_is_left_aside_for_the_text(sheet: Sheet) -> None:
    xhtml = {"extension": [extension(f"{CORE}rendering-xhtml", valueString="<b onclick='x'>Other words</b>")]}
    sheet.open(item("s", "string", _text=xhtml))
    assert "Text of s" in sheet.page.text_content("#i-s")
    assert "Other words" not in sheet.page.content()


@feature("translation")
def test_a_form_speaks_the_language_it_is_asked_in(served: Served, sheet: Sheet) -> None:
    from ipvscreen.sdc.load import load_form

    words = [{"url": "lang", "valueCode": "nl"}, {"url": "content", "valueString": "Hoe gaat het?"}]
    dutch = {"extension": [{"url": f"{CORE}translation", "extension": words}]}
    form = questionnaire(item("s", "string", text="How are you?", _text=dutch))
    assert load_form(form, language="nl").item("s").text == "Hoe gaat het?"
    sheet.open_form(form)
    assert "How are you?" in sheet.page.text_content("#i-s")


# The page itself


@feature("without JavaScript")
def test_everything_works_by_posting(plain: Sheet) -> None:
    plain.open(
        yes_no("a"),
        item("f", "string", enableWhen=[when("a", "=", answerCoding={"system": LOCAL, "code": "yes"})]),
        item("g", "group", text="Child", repeats=True, item=[item("name", "string")]),
    )
    plain.choose("a", "yes")
    plain.fill("f", "why")
    plain.fill("name", "Ada")
    plain.button("Add another")
    plain.fill("name~2", "Ben")
    plain.saved()
    assert (plain.answers("f"), plain.answers("name")) == (["why"], ["Ada", "Ben"])
    plain.choose("a", "no")
    plain.saved()
    assert plain.answers("f") == []


@feature("unknown is refused with its path")
def test_what_is_not_supported_is_refused_with_its_path(served: Served) -> None:
    with pytest.raises(FormRefused) as refused:
        served.show(
            questionnaire(item("s", "string", extension=[extension("urn:unknown", valueBoolean=True)]))
        )
    assert refused.value.path.startswith("Questionnaire.item[0].extension[0]")
    assert "urn:unknown" in refused.value.sentence


def every_control() -> list[dict[str, Any]]:
    """One of each that a page can show."""
    kinds = (
        "boolean",
        "decimal",
        "integer",
        "date",
        "dateTime",
        "time",
        "string",
        "text",
        "url",
        "reference",
    )
    kg = {"system": "http://unitsofmeasure.org", "code": "kg", "display": "kg"}
    units = [
        extension(f"{CORE}questionnaire-unitOption", valueCoding={**kg, "code": code}) for code in ("kg", "g")
    ]
    tip = item("tip", "display", text="Help for it.", extension=[control("help")])
    rich = {"extension": [extension(f"{CORE}rendering-markdown", valueMarkdown="**Strong** words")]}
    return [
        *(item(kind, kind) for kind in kinds),
        item("list", "open-choice", answerOption=options("a", "b"), extension=[control("drop-down")]),
        item("open", "open-choice", answerOption=options("a", "b"), required=True),
        item("many", "choice", answerOption=options("a", "b"), repeats=True, item=[item("why", "string")]),
        item("weight", "quantity", extension=units),
        item("fixed", "string", readOnly=True, initial=[{"valueString": "fixed"}]),
        item("helped", "string", item=[tip], _text=rich),
        item("told", "display"),
        item("child", "group", repeats=True, item=[item("name", "string", repeats=True)]),
    ]


def test_every_control_is_accessible_also_with_mistakes(sheet: Sheet) -> None:
    sheet.open(*every_control())
    sheet.accessible()
    for name in ("decimal", "integer", "url", "reference", "weight"):
        sheet.fill(name, "?")
    sheet.choose("many", "a")
    sheet.choose("open", "~other")
    sheet.save()
    assert sheet.page.locator(".mistakes li").count() >= 5
    sheet.accessible()


def test_enter_goes_on_and_does_not_add(sheet: Sheet) -> None:
    sheet.open(item("g", "group", text="Child", repeats=True, item=[item("name", "string")]))
    sheet.fill("name", "Ada")
    sheet.named("name").press("Enter")
    sheet.page.wait_for_selector("text=This would be saved.")
    assert sheet.named("name~2").count() == 0


def test_another_site_cannot_let_its_name_lead_here(served: Served) -> None:
    import httpx

    served.show(questionnaire(item("s", "string")))
    assert httpx.get(served.url, headers={"host": "evil.example"}).status_code == 400
