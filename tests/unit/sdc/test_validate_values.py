"""One answer of a response against the type, the limits and the options of its item."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from fhirclient import models
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvscreen.sdc.outcome import Issue
from ipvscreen.sdc.validate import Codes, validate
from ipvscreen.sdc.validation.references import RESOURCE_TYPES, is_url

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
CANONICAL = "https://forms.example/Questionnaire/any"
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/"
CORE = "http://hl7.org/fhir/StructureDefinition/"
UCUM = "http://unitsofmeasure.org"
SETS = "https://forms.example/ValueSet/"


def issues(
    item: Mapping[str, Any], *elements: Any, codes: Codes | None = None, **found: Mapping[str, Any]
) -> tuple[Issue, ...]:
    """What is wrong with these answers to an item; `found` are value sets by the end of their canonical."""
    contained = item.get("contained", [])
    body = {"linkId": "q", "repeats": len(elements) > 1, **item}
    body.pop("contained", None)
    questionnaire = {"resourceType": "Questionnaire", "item": [body], "contained": contained}
    known = {CANONICAL: questionnaire, **{f"{SETS}{name}": body for name, body in found.items()}}
    response = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": CANONICAL,
        "status": "completed",
        "item": [{"linkId": "q", "answer": list(elements)}],
    }
    return validate(response, known.get, codes=codes, now=NOW)


def rules(item: Mapping[str, Any], *elements: Any, codes: Codes | None = None, **found: Any) -> list[str]:
    return [each.rule for each in issues(item, *elements, codes=codes, **found)]


def limited(kind: str, **limits: Any) -> dict[str, Any]:
    """An item with extensions, named by the last part of their URL."""
    extensions = [{"url": url_of(name), **element} for name, element in limits.items()]
    return {"type": kind, "extension": extensions}


def url_of(name: str) -> str:
    if name in ("minQuantity", "maxQuantity", "unitOpen"):
        return f"{SDC}sdc-questionnaire-{name}"
    plain = ("minValue", "maxValue", "minLength", "regex", "maxDecimalPlaces", "maxSize", "mimeType")
    return CORE + name if name in plain else f"{CORE}questionnaire-{name}"


def coding(code: str, **more: str) -> dict[str, Any]:
    return {"valueCoding": {"system": "urn:x", "code": code, **more}}


SOUND = {
    "boolean": [{"valueBoolean": False}],
    "decimal": [{"valueDecimal": Decimal("1.50")}, {"valueDecimal": 2}, {"valueDecimal": 0.5}],
    "integer": [{"valueInteger": -(2**31)}, {"valueInteger": 0}],
    "date": [{"valueDate": "2024"}, {"valueDate": "2024-02"}, {"valueDate": "2024-02-29"}],
    "dateTime": [{"valueDateTime": "2024-02"}, {"valueDateTime": "2024-02-29T23:59:59.5+01:00"}],
    "time": [{"valueTime": "23:59:59"}, {"valueTime": "00:00:00.25"}],
    "string": [{"valueString": "x"}],
    "text": [{"valueString": "one\ntwo"}],
    "url": [{"valueUri": "https://example.org/a?b=c#d"}, {"valueUri": "Patient/1"}],
    "choice": [coding("a"), {"valueCoding": {"display": "words only"}}],
    "open-choice": [coding("a"), {"valueString": "own words"}],
    "attachment": [{"valueAttachment": {"contentType": "text/plain", "data": "YQ==", "size": 1}}],
    "reference": [{"valueReference": {"reference": "Patient/1"}}, {"valueReference": {"display": "she"}}],
    "quantity": [
        {"valueQuantity": {"value": Decimal("1.5"), "unit": "kg"}},
        {"valueQuantity": {"unit": "kg"}},
    ],
}

UNSOUND = {
    "boolean": [{"valueBoolean": "true"}, {"valueBoolean": 1}],
    "decimal": [{"valueDecimal": "1.5"}, {"valueDecimal": True}, {"valueDecimal": float("nan")}],
    "integer": [{"valueInteger": 2**31}, {"valueInteger": 1.0}, {"valueInteger": True}],
    "date": [{"valueDate": "2023-02-29"}, {"valueDate": "29/02/2024"}, {"valueDate": 2024}],
    "dateTime": [{"valueDateTime": "2024-02-29T23:59"}, {"valueDateTime": None}],
    "time": [{"valueTime": "24:00:00"}, {"valueTime": "9:00"}, {"valueTime": []}],
    "string": [{"valueString": ""}, {"valueString": 3}],
    "url": [{"valueUri": {}}],
    "choice": [{"valueCoding": "a"}, {"valueCoding": {"code": 3}}, {"valueCoding": {"display": ""}}],
    "attachment": [
        {"valueAttachment": each} for each in ("YQ==", {"data": 3}, {"size": "3"}, {"contentType": []})
    ],
    "reference": [
        {"valueReference": each} for each in ("Patient/1", {"reference": 3}, {"type": ["Patient"]})
    ],
    "quantity": [{"valueQuantity": each} for each in (3, {"value": "3"}, {"value": 3, "system": []})],
}


@pytest.mark.parametrize("kind", SOUND)
def test_every_type_takes_what_is_its_own(kind: str) -> None:
    for element in SOUND[kind]:
        assert rules({"type": kind}, element) == [], element


@pytest.mark.parametrize("kind", SOUND)
def test_no_type_takes_what_is_anothers(kind: str) -> None:
    own = {key for element in SOUND[kind] for key in element}
    others = [element for elements in SOUND.values() for element in elements if not own & set(element)]
    for element in [*others, {"valueCode": "a"}, {"valueNoSuch": {}}]:
        assert rules({"type": kind}, element) == ["invalidAnswerType"], element


@pytest.mark.parametrize("kind", UNSOUND)
def test_a_value_that_is_not_well_formed(kind: str) -> None:
    for element in UNSOUND[kind]:
        assert rules({"type": kind}, element) == ["invalidValue"], element


PARTS = st.sampled_from(["system", "code", "display", "value", "unit", "reference", "type", "data", "size"])


@settings(deadline=None)  # a busy machine must not decide
@given(
    kind=st.sampled_from(sorted(SOUND)),
    name=st.sampled_from(sorted({key for elements in SOUND.values() for each in elements for key in each})),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(PARTS, inner, max_size=2),
        max_leaves=5,
    ),
)
def test_nothing_that_can_be_sent_stops_it(kind: str, name: str, value: Any) -> None:
    assert isinstance(rules({"type": kind}, {name: value}, {name: value}), list)


@pytest.mark.parametrize(
    ("item", "element", "expected"),
    [
        (limited("integer", minValue={"valueInteger": 3}), {"valueInteger": 3}, []),
        (limited("integer", minValue={"valueInteger": 3}), {"valueInteger": 2}, ["minValue"]),
        (limited("integer", maxValue={"valueInteger": 3}), {"valueInteger": 4}, ["maxValue"]),
        (limited("decimal", maxValue={"valueDecimal": 0.3}), {"valueDecimal": Decimal("0.3")}, []),
        (limited("decimal", maxValue={"valueDecimal": 0.3}), {"valueDecimal": Decimal("0.31")}, ["maxValue"]),
        (limited("date", minValue={"valueDate": "2020-06"}), {"valueDate": "2020"}, []),
        (limited("date", minValue={"valueDate": "2020-06"}), {"valueDate": "2020-06-01"}, []),
        (limited("date", minValue={"valueDate": "2020-06"}), {"valueDate": "2020-05-31"}, ["minValue"]),
        (
            limited("dateTime", maxValue={"valueDateTime": "2022-01-01T10:00:00Z"}),
            {"valueDateTime": "2022-01-01T11:30:00+02:00"},
            [],
        ),
        (
            limited("dateTime", maxValue={"valueDateTime": "2022-01-01T10:00:00Z"}),
            {"valueDateTime": "2022-01-01T10:00:01Z"},
            ["maxValue"],
        ),
        (limited("time", maxValue={"valueTime": "12:00:00"}), {"valueTime": "12:00:01"}, ["maxValue"]),
    ],
)
def test_limits(item: dict[str, Any], element: dict[str, Any], expected: list[str]) -> None:
    assert rules(item, element) == expected


def amount(value: Any, unit: str, system: str | None = UCUM) -> dict[str, Any]:
    known = {"system": system, "code": unit} if system else {}
    return {"valueQuantity": {"value": value, "unit": unit, **known}}


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        (amount(1500, "m"), []),
        (amount(999, "m"), ["minValue"]),
        (amount(3, "km"), ["maxValue"]),
        (amount(3, "kg"), ["minValueIncompatUnits", "maxValueIncompatUnits"]),
        (amount(3, "km", None), ["minValueIncompatUnits", "maxValueIncompatUnits"]),
    ],
)
def test_limits_of_quantities_are_converted(element: dict[str, Any], expected: list[str]) -> None:
    item = limited("quantity", minQuantity=amount(1, "km"), maxQuantity=amount(2, "km"))
    assert rules(item, element) == expected


def test_decimal_places_as_they_were_written() -> None:
    places = {"valueInteger": 2}
    for kind, element in (
        ("decimal", {"valueDecimal": Decimal("-5.125")}),
        ("quantity", {"valueQuantity": {"value": Decimal("1.500")}}),
    ):
        assert rules(limited(kind, maxDecimalPlaces=places), element) == ["maxDecimalPlaces"]
    for number in (Decimal("1.50"), 1.5, 3, Decimal("1E+3")):
        assert rules(limited("decimal", maxDecimalPlaces=places), {"valueDecimal": number}) == []
    assert rules(limited("quantity", maxDecimalPlaces=places), {"valueQuantity": {"unit": "kg"}}) == []


def test_lengths_lines_and_forms_of_texts() -> None:
    item = limited("string", minLength={"valueInteger": 2}, regex={"valueString": "[a-z]+"}) | {
        "maxLength": 3
    }
    assert rules(item, {"valueString": "ab"}) == []
    assert rules(item, {"valueString": "a"}) == ["minLength"]
    assert rules(item, {"valueString": "abcd"}) == ["maxLength"]
    assert rules(item, {"valueString": "ab1"}) == ["regex"]  # the whole value, not a part of it
    assert rules({"type": "string"}, {"valueString": "a\rb"}) == ["invalidNewLine"]


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("Patient/1", True),
        ("mailto:a@example.org", True),
        ("urn:oid:1.2.3", True),
        ("urn:oid:3.x", False),
        ("urn:uuid:c757873d-ec9a-4326-a141-556f43239520", True),
        ("URN:UUID:c757873d", False),
        ("c:/temp/a.txt", False),
        ("c:\\temp\\a.txt", False),
        ("two words", False),
        ("", False),
    ],
)
def test_urls(url: str, good: bool) -> None:
    assert is_url(url) is good
    if url:
        assert rules({"type": "url"}, {"valueUri": url}) == ([] if good else ["invalidUrlValue"])


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"reference": "Patient/1"}, []),
        ({"reference": "Patient/1/_history/2"}, []),
        ({"reference": "https://ehr.example/fhir/Patient/1", "type": "Patient"}, []),
        ({"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}, []),
        ({"reference": "#p"}, []),
        ({"identifier": {"value": "1"}, "type": "Patient"}, []),
        ({"reference": "https://ehr.example/somewhere/else"}, []),
        ({"reference": "#"}, ["invalidRefValue"]),
        ({"reference": "ftp://ehr.example/Patient/1"}, ["invalidRefValue"]),
        ({"reference": "patient 1"}, ["invalidRefValue"]),
        ({"reference": "nobody"}, ["invalidRefValue"]),
        ({"reference": "Chicken/1"}, ["invalidRefResourceType"]),
        ({"reference": "Patient/1", "type": "Chicken"}, ["invalidRefResourceType"]),
        ({"reference": "Group/1"}, ["invalidRefResourceTypeRestriction"]),
        ({"reference": "#g", "type": "Group"}, ["invalidRefResourceTypeRestriction"]),
    ],
)
def test_references(reference: dict[str, Any], expected: list[str]) -> None:
    item = limited("reference", referenceResource={"valueCode": "Patient"})
    assert rules(item, {"valueReference": reference}) == expected


def test_the_resource_types_are_those_that_a_second_reader_knows() -> None:
    from pkgutil import iter_modules

    modules = {module.name for module in iter_modules(models.__path__)}
    assert {name for name in RESOURCE_TYPES if name.lower() not in modules} == set()
    assert len(RESOURCE_TYPES) == 146
    assert not RESOURCE_TYPES & {"Resource", "DomainResource"}


@pytest.mark.parametrize(
    ("attachment", "expected"),
    [
        ({"contentType": "image/GIF", "data": "YWJj", "size": 3}, []),
        ({"contentType": "image/gif; q=1", "data": "YW\nJj"}, []),
        ({"contentType": "image/gif", "url": "https://ehr.example/x"}, []),
        ({"contentType": "text/plain", "data": "YQ=="}, ["invalidAttachmentType"]),
        ({"data": "YQ=="}, ["invalidAttachmentType"]),
        ({"contentType": "image/gif", "data": "?"}, ["invalidValue"]),
        ({"contentType": "image/gif", "data": "YQ==", "size": 2}, ["attachmentSizeInconsistent"]),
        ({"contentType": "image/gif", "data": "YWJjZA=="}, ["maxAttachmentSize"]),
        ({"contentType": "image/gif", "url": "https://ehr.example/x", "size": 4}, ["maxAttachmentSize"]),
    ],
)
def test_attachments(attachment: dict[str, Any], expected: list[str]) -> None:
    item = limited("attachment", mimeType={"valueCode": "image/gif"}, maxSize={"valueDecimal": 3})
    assert rules(item, {"valueAttachment": attachment}) == expected


def unit(code: str, display: str | None = None) -> dict[str, Any]:
    return {"valueCoding": {"system": UCUM, "code": code, **({"display": display} if display else {})}}


def test_units() -> None:
    one = limited("quantity", unit=unit("kg"))
    assert rules(one, amount(1, "kg")) == []
    assert rules(one, amount(1, "g")) == ["invalidUnit"]
    several = {
        "type": "quantity",
        "extension": [{"url": url_of("unitOption"), **unit(c)} for c in ("kg", "g")],
    }
    assert rules(several, amount(1, "g")) == []
    assert rules(several, {"valueQuantity": {"value": 1, "unit": "g"}}) == ["invalidUnit"]
    several["extension"].append({"url": url_of("unitOpen"), "valueCode": "optionsOrString"})
    assert rules(several, amount(1, "t"), amount(1, "stone", None)) == []


def test_the_options_of_a_choice_are_told_by_system_and_code() -> None:
    item = {"type": "choice", "answerOption": [coding("a", display="A"), coding("b", display="B")]}
    assert rules(item, coding("a"), coding("b", display="anything")) == []
    assert rules(item, coding("c")) == ["invalidAnswerOption"]
    assert rules(item, {"valueCoding": {"code": "a"}}) == ["invalidAnswerOption"]
    assert rules(item, {"valueString": "a"}) == ["invalidAnswerType"]


def test_the_options_of_other_types() -> None:
    words = {"type": "choice", "answerOption": [{"valueString": "one"}, {"valueInteger": 2}]}
    assert rules(words, {"valueString": "one"}, {"valueInteger": 2}) == []
    assert rules(words, {"valueString": "two"}) == ["invalidAnswerOption"]
    assert rules(words, coding("a")) == ["invalidAnswerType"]
    own = {"type": "open-choice", "answerOption": [coding("a", display="A")]}
    assert rules(own, {"valueString": "two"}) == []
    assert rules(own, coding("b")) == ["invalidAnswerOption"]


def test_an_option_that_stands_alone() -> None:
    alone = {"url": f"{CORE}questionnaire-optionExclusive", "valueBoolean": True}
    options = [
        coding("a", display="A"),
        coding("b", display="B"),
        {**coding("no", display="No"), "extension": [alone]},
    ]
    item = {"type": "choice", "repeats": True, "answerOption": options}
    assert rules(item, coding("no")) == []
    assert rules(item, coding("a"), coding("b")) == []
    assert rules(item, coding("a"), coding("no")) == ["exclusiveAnswerOption"]
    assert rules(item, {"valueString": "x"}, coding("no")) == ["invalidAnswerType", "exclusiveAnswerOption"]


def known(url: str) -> Iterable[Mapping[str, str]] | None:
    held = {
        f"{SETS}far": [{"system": "urn:x", "code": "a", "display": "A"}, {"system": "urn:x", "code": "b"}]
    }
    return held.get(url)


def bound(kind: str = "choice", name: str = "far") -> dict[str, Any]:
    return {"type": kind, "answerValueSet": f"{SETS}{name}"}


def test_a_value_set_elsewhere() -> None:
    good = (coding("a"), coding("a", display="A"), coding("b", display="anything"))
    assert rules(bound(), *good, codes=known) == []
    for wrong in (coding("c"), coding("a", display="B"), {"valueCoding": {"display": "A"}}):
        assert rules(bound(), wrong, codes=known) == ["invalidCoding"], wrong
    assert rules(bound("open-choice"), {"valueString": "own"}, codes=known) == []
    assert rules(bound("string"), {"valueString": "a"}, {"valueString": "A"}, codes=known) == [
        "invalidCoding"
    ]


def test_a_value_set_that_nobody_knows() -> None:
    (asked,) = issues(bound(name="other"), coding("a"), codes=known)
    assert (asked.rule, asked.severity) == ("tsError", "error")
    (unasked,) = issues(bound(), coding("a"))
    assert (unasked.rule, unasked.severity) == ("tsError", "warning")


LISTED = {
    "resourceType": "ValueSet",
    "compose": {"include": [{"system": "urn:x", "concept": [{"code": "a", "display": "A"}]}]},
}


def test_a_value_set_that_is_found_beside_the_questionnaire() -> None:
    assert rules(bound(), coding("a"), far=LISTED) == []
    assert rules(bound(), coding("b"), far=LISTED) == ["invalidCoding"]
    for unreadable in ({"resourceType": "Patient"}, {"resourceType": "ValueSet", "compose": {"include": []}}):
        assert rules(bound(), coding("a"), far=unreadable) == ["tsError"]


def test_a_value_set_is_looked_up_once() -> None:
    asked: list[str] = []

    def codes(url: str) -> Iterable[Mapping[str, str]] | None:
        asked.append(url)
        return known(url)

    assert rules(bound(), coding("a"), coding("b"), coding("a"), codes=codes) == []
    assert asked == [f"{SETS}far"]


def test_a_contained_value_set() -> None:
    item = {"type": "choice", "answerValueSet": "#near", "contained": [{**LISTED, "id": "near"}]}
    assert rules(item, coding("a")) == []
    assert rules(item, coding("b")) == ["invalidAnswerOption"]


def test_units_from_a_value_set() -> None:
    item = limited("quantity", unitValueSet={"valueCanonical": f"{SETS}far"})
    measured = {"valueQuantity": {"value": 1, "system": "urn:x", "code": "a"}}
    assert rules(item, measured, codes=known) == []
    assert rules(item, amount(1, "kg"), codes=known) == ["invalidUnitValueSet"]
    assert rules(item, measured) == ["tsError"]
