"""A response against its Questionnaire: which one it answers, and whether it has its shape."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from ipvscreen.errors import FormRefused
from ipvscreen.sdc.answers import read_answers
from ipvscreen.sdc.load import define, load_form
from ipvscreen.sdc.outcome import OFFICIAL, RULES, SYSTEM, Issue, issue, operation_outcome
from ipvscreen.sdc.response import response, response_items
from ipvscreen.sdc.validate import validate

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
CANONICAL = "https://forms.example/Questionnaire/any"
Q = "QuestionnaireResponse"


def check(
    items: list[dict[str, Any]], given: Any, *, status: str = "completed", **about: Any
) -> list[tuple[str, str]]:
    """Rule and place, without the part that is always there, of whatever is wrong with the items given."""
    questionnaire = {"resourceType": "Questionnaire", "status": "active", "item": items, **about}
    response = {"resourceType": Q, "questionnaire": CANONICAL, "status": status, "item": given}
    return [(found.rule, found.expression.removeprefix(f"{Q}.")) for found in issues(response, questionnaire)]


def issues(response: Any, questionnaire: Mapping[str, Any] | None) -> tuple[Issue, ...]:
    return validate(response, {CANONICAL: questionnaire}.get, now=NOW)


def question(link_id: str = "q", kind: str = "string", **more: Any) -> dict[str, Any]:
    return {"linkId": link_id, "type": kind, **more}


def answer(link_id: str, *values: Any, **under: Any) -> dict[str, Any]:
    """One item with text answers, the items of `under` below the first."""
    answers: list[dict[str, Any]] = [{"valueString": value} for value in values]
    return {"linkId": link_id, "answer": [{**answers[0], **under}, *answers[1:]]}


@pytest.mark.parametrize("response", [None, [], {"resourceType": "Patient"}])
def test_what_is_no_response_is_not_looked_at(response: Any) -> None:
    (found,) = issues(response, None)
    assert (found.rule, found.severity, found.expression) == ("malformed", "fatal", Q)


@pytest.mark.parametrize("canonical", [None, 3, "https://forms.example/Questionnaire/other"])
def test_a_questionnaire_that_cannot_be_found(canonical: Any) -> None:
    response = {"resourceType": Q, "questionnaire": canonical, "status": "done"}
    assert [found.rule for found in issues(response, {})] == ["status", "questionnaireNotFound"]


def test_a_questionnaire_that_the_response_contains_with_its_value_sets() -> None:
    one = [{"system": "urn:x", "concept": [{"code": "a", "display": "A"}]}]
    value_set = {"resourceType": "ValueSet", "id": "v", "compose": {"include": one}}
    item = question(kind="choice", answerValueSet="#v")
    adaptive = {"resourceType": "Questionnaire", "id": "one", "status": "active", "item": [item]}
    given = [{"linkId": "q", "answer": [{"valueCoding": {"system": "urn:x", "code": code}}]} for code in "ab"]

    def found(canonical: str, contained: Any, item: dict[str, Any]) -> list[str]:
        response = {
            "resourceType": Q,
            "questionnaire": canonical,
            "status": "completed",
            "contained": contained,
        }
        return [each.rule for each in issues({**response, "item": [item]}, None)]

    assert found("#one", [value_set, adaptive], given[0]) == []
    assert found("#one", [value_set, adaptive], given[1]) == ["invalidAnswerOption"]
    for canonical, contained in (("#two", [value_set, adaptive]), ("#one", ["one"]), ("#one", "one")):
        assert found(canonical, contained, given[0]) == ["questionnaireNotFound"]


def test_a_form_that_was_kept_is_not_read_again() -> None:
    questionnaire = {"resourceType": "Questionnaire", "status": "active", "item": [question(required=True)]}
    form = define(questionnaire)
    response = {"resourceType": Q, "questionnaire": CANONICAL, "status": "completed"}
    found = validate(response, {CANONICAL: {"status": "active"}}.get, now=NOW, form_of=lambda _: form)
    assert [each.rule for each in found] == ["required"]


def test_a_questionnaire_that_cannot_be_used_says_where() -> None:
    questionnaire = {"resourceType": "Questionnaire", "item": [{"linkId": "q", "type": "guess"}]}
    response = {"resourceType": Q, "questionnaire": CANONICAL, "status": "completed"}
    (found,) = issues(response, questionnaire)
    assert found.rule == "questionnaireNotUsable"
    assert "Questionnaire.item[0].type" in found.sentence


@pytest.mark.parametrize(
    ("status", "rules"),
    [("draft", ["questionnaireDraft"]), ("retired", ["questionnaireRetired"]), ("unknown", [])],
)
def test_the_status_of_the_questionnaire_is_a_warning(status: str, rules: list[str]) -> None:
    response = {"resourceType": Q, "questionnaire": CANONICAL, "status": "completed"}
    found = issues(response, {"resourceType": "Questionnaire", "status": status, "item": [question()]})
    assert [each.rule for each in found] == rules
    assert not any(each.serious for each in found)


@pytest.mark.parametrize(
    ("authored", "period", "wrong"),
    [
        ("2024-05-01", {"start": "2024", "end": "2024"}, False),
        ("2024-05-01T10:00:00Z", {"start": "2024-05-01T11:00:00Z"}, True),
        ("2023-12-31", {"start": "2024"}, True),
        ("2025-01", {"start": "2020", "end": "2024-12-31"}, True),
        ("2025", {"end": "soon"}, False),
        ("2025", {"end": 2024}, False),
        ("yesterday", {"end": "2024"}, False),
        (None, {"end": "2024"}, False),
        ("2025", "2024", False),
    ],
)
def test_answered_outside_the_effective_period(authored: Any, period: Any, wrong: bool) -> None:
    response = {"resourceType": Q, "questionnaire": CANONICAL, "status": "completed", "authored": authored}
    questionnaire = {"resourceType": "Questionnaire", "item": [question()], "effectivePeriod": period}
    expected = [("questionnaireInactive", f"{Q}.authored")] if wrong else []
    assert [(found.rule, found.expression) for found in issues(response, questionnaire)] == expected


def test_a_response_that_fits_has_no_issues() -> None:
    items = [
        question("a", required=True),
        question("g", "group", item=[question("b", repeats=True), question("note", "display")]),
    ]
    given = [answer("a", "x"), {"linkId": "g", "item": [answer("b", "x", "y"), {"linkId": "note"}]}]
    assert check(items, given) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("text", [("malformed", "item")]),
        (["text"], [("malformed", "item[0]")]),
        ([{"answer": []}], [("malformed", "item[0]")]),
        ([{"linkId": 7}], [("malformed", "item[0]")]),
        ([{"linkId": "q", "answer": {}}], [("malformed", "item[0].answer")]),
        ([{"linkId": "q", "answer": ["x"]}], [("malformed", "item[0].answer[0]")]),
        ([{"linkId": "q", "answer": [{}]}], [("emptyAnswer", "item[0].answer[0]")]),
        ([{"linkId": "q", "answer": [{"item": []}]}], [("emptyAnswer", "item[0].answer[0]")]),
        ([{"linkId": "q", "answer": [{"extension": [{"url": "u"}]}]}], []),
        ([{"linkId": "q", "answer": [{"_valueString": {}}]}], []),
        (
            [{"linkId": "q", "answer": [{"valueString": "x", "valueInteger": 1}]}],
            [("malformed", "item[0].answer[0]")],
        ),
    ],
)
def test_a_response_without_the_shape_of_one(given: Any, expected: list[tuple[str, str]]) -> None:
    assert check([question()], given) == expected


def test_items_that_the_questionnaire_does_not_have_there() -> None:
    items = [question("a"), question("g", "group", item=[question("b")])]
    found = validate(
        {
            "resourceType": Q,
            "questionnaire": CANONICAL,
            "status": "completed",
            "item": [answer("b", "x"), answer("z", "x")],
        },
        lambda _: {"resourceType": "Questionnaire", "item": items},
        now=NOW,
    )
    assert [(each.rule, each.link_id) for each in found] == [("invalidLinkId", "b"), ("invalidLinkId", "z")]
    assert "elsewhere" in found[0].sentence
    assert "does not have" in found[1].sentence


def test_items_out_of_order() -> None:
    items = [question("a"), question("b"), question("c")]
    given = [answer("b", "x"), answer("a", "x"), answer("c", "x")]
    assert check(items, given) == [("itemOrder", "item[1]")]


def test_a_question_that_stands_twice() -> None:
    given = [answer("q", "x"), answer("q", "y")]
    assert check([question(repeats=True)], given) == [("itemTwice", "item[1]")]


def test_what_belongs_under_an_answer() -> None:
    items = [question("a", item=[question("b", required=True)])]
    assert check(items, [answer("a", "x", item=[answer("b", "y")])]) == []
    assert check(items, [answer("a", "x")]) == [("required", "item[0].answer[0]")]
    assert check(items, []) == []
    outside = [{**answer("a", "x", item=[answer("b", "y")]), "item": [answer("b", "y")]}]
    assert check(items, outside) == [("itemOutsideAnswer", "item[0]")]


def test_each_answer_has_its_own_items() -> None:
    items = [question("a", repeats=True, item=[question("b")])]
    below = [{"valueString": "x", "item": [answer("b", "y")]} for _ in range(2)]
    assert check(items, [{"linkId": "a", "answer": below}]) == []
    below[1]["item"] = [answer("b", "y"), answer("b", "y")]
    assert check(items, [{"linkId": "a", "answer": below}]) == [("itemTwice", "item[0].answer[1].item[1]")]


MINIMUM = "http://hl7.org/fhir/StructureDefinition/questionnaire-minOccurs"
MAXIMUM = "http://hl7.org/fhir/StructureDefinition/questionnaire-maxOccurs"


def occurs(least: int, most: int) -> list[dict[str, Any]]:
    return [{"url": MINIMUM, "valueInteger": least}, {"url": MAXIMUM, "valueInteger": most}]


@pytest.mark.parametrize(
    ("count", "repeats", "expected"),
    [
        (1, False, []),
        (2, False, [("repeats", "item[1]")]),
        (1, True, [("minCount", "item[0]")]),
        (3, True, []),
        (4, True, [("maxCount", "item[3]")]),
        (0, True, []),
    ],
)
def test_how_often_a_group_stands(count: int, repeats: bool, expected: list[tuple[str, str]]) -> None:
    items = [question("g", "group", repeats=repeats, item=[question()])]
    if repeats:
        items[0]["extension"] = occurs(2, 3)
    assert check(items, [{"linkId": "g", "item": [answer("q", "x")]} for _ in range(count)]) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("", [("minCount", "item[0]")]),
        ("a", [("minCount", "item[0]")]),
        ("ab", []),
        ("abcd", [("maxCount", "item[0]")]),
    ],
)
def test_how_many_answers_a_question_takes(values: str, expected: list[tuple[str, str]]) -> None:
    given = [answer("q", *values)] if values else [{"linkId": "q"}]
    assert check([question(repeats=True, extension=occurs(2, 3))], given) == expected


def test_groups_are_not_answered_themselves_and_required_ones_somewhere_below() -> None:
    items = [question("g", "group", required=True, item=[question("h", "group", item=[question()])])]
    inside = {"linkId": "h", "item": [answer("q", "x")]}
    assert check(items, [{"linkId": "g", "item": [inside]}]) == []
    assert check(items, [{"linkId": "g", "item": [inside], "answer": [{"valueString": "x"}]}]) == [
        ("groupShouldNotHaveAnswers", "item[0].answer")
    ]
    assert check(items, [{"linkId": "g", "item": [{"linkId": "h"}]}]) == [("required", "item[0]")]
    assert check(items, []) == [("required", Q)]


def test_what_is_required_inside_a_group_that_was_left_out_is_not_missing() -> None:
    items = [question("g", "group", item=[question(required=True)])]
    assert check(items, []) == []
    assert check(items, [{"linkId": "g"}]) == [("required", "item[0]")]


def test_the_abstract_type_is_let_be_only_to_be_told() -> None:
    with pytest.raises(FormRefused, match="abstract"):
        load_form({**OURS, "item": [question(kind="question", text="Q?")]})


def test_what_cannot_be_answered() -> None:
    text = {"answer": [{"valueString": "x"}]}
    assert check([question("d", "display")], [{"linkId": "d", **text}]) == [("displayAnswer", "item[0]")]
    assert check([question("d", "question")], [{"linkId": "d", **text}]) == [("invalidType", "item[0]")]


@pytest.mark.parametrize("status", ["in-progress", "stopped", "entered-in-error"])
def test_what_may_still_change_is_a_warning_until_it_is_completed(status: str) -> None:
    items = [question("a", required=True), question("b", maxLength=1)]
    response = {
        "resourceType": Q,
        "questionnaire": CANONICAL,
        "status": status,
        "item": [answer("b", "xx", "yy")],
    }
    found = issues(response, {"resourceType": "Questionnaire", "item": items})
    assert [(each.rule, each.severity) for each in found] == [
        ("required", "warning"),
        ("repeats", "warning"),
        ("maxLength", "error"),
        ("maxLength", "error"),
    ]


def test_an_outcome_of_nothing_says_so() -> None:
    (told,) = operation_outcome(())["issue"]
    assert (told["severity"], told["code"]) == ("information", "informational")


def test_an_outcome_names_the_official_rules_only() -> None:
    told = operation_outcome([issue("required", "a.b", "Missing.", "q"), issue("itemTwice", "a", "Twice.")])
    assert told == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "required",
                "details": {"text": "Missing.", "coding": [{"system": SYSTEM, "code": "required"}]},
                "location": ["linkId='q'"],
                "expression": ["a.b"],
            },
            {
                "severity": "error",
                "code": "structure",
                "details": {"text": "Twice."},
                "expression": ["a"],
            },
        ],
    }


def test_severities_and_issue_types_are_those_of_fhir() -> None:
    from fhir.resources.R4B.operationoutcome import OperationOutcome

    told = operation_outcome([issue(rule, "a", "b") for rule in RULES])
    assert len(OperationOutcome.model_validate(told).issue) == len(RULES) > len(OFFICIAL)
    # http://hl7.org/fhir/R4/valueset-issue-type.html and valueset-issue-severity.html, as far as used
    assert {severity for severity, _ in RULES.values()} <= {"fatal", "error", "warning", "information"}
    assert {code for _, code in RULES.values()} <= {
        *("business-rule", "code-invalid", "exception", "invalid", "invariant", "not-found"),
        *("not-supported", "required", "structure", "value"),
    }


def test_an_issue_never_quotes_an_answer() -> None:
    secret = "unlikely-words"
    response = {
        "resourceType": Q,
        "questionnaire": CANONICAL,
        "status": secret,
        "authored": secret,
        "item": [answer("q", secret, f"{secret}\n"), {"linkId": "n", "answer": [{"valueInteger": secret}]}],
    }
    items = [question(maxLength=1), question("n", "integer")]
    found = issues(response, {"resourceType": "Questionnaire", "item": items})
    assert len(found) > 4
    assert secret not in str(operation_outcome(found))


def coded(*codes: str) -> list[dict[str, Any]]:
    return [{"valueCoding": {"system": "urn:x", "code": code, "display": code.upper()}} for code in codes]


YES = {"system": "urn:x", "code": "y"}
ASKED_A = {"enableWhen": [{"question": "a", "operator": "=", "answerCoding": YES}]}
OURS: dict[str, Any] = {
    "resourceType": "Questionnaire",
    "url": CANONICAL,
    "version": "1",
    "name": "Any",
    "title": "Any",
    "status": "active",
    "copyright": "Ours",
    "item": [
        question("intro", "display", text="Hello"),
        question("a", "choice", text="A?", answerOption=coded("y", "n")),
        question(
            "g",
            "group",
            text="More",
            **ASKED_A,
            item=[
                question("b", "choice", text="B?", repeats=True, answerOption=coded("p", "q", "r")),
                question("c", "integer", text="C?"),
                question("d", "date", text="D?", required=True),
            ],
        ),
        question("e", "boolean", text="E?", item=[question("f", text="F?", maxLength=3)]),
    ],
}
CHOSEN = {
    "a": st.sampled_from(["y", "n", "pass", ""]),
    "b": st.sampled_from(["p", "q", "r", "pass", ""]),
    "c": st.sampled_from(["0", "12", "many", ""]),
    "d": st.sampled_from(["2024-02-29", "2023-02-29", ""]),
    "e": st.sampled_from(["true", "false", "pass", ""]),
    "f": st.sampled_from(["abc", "abcd", ""]),
}


@settings(deadline=None)  # a busy machine must not decide
@drawn(st.fixed_dictionaries(CHOSEN))
def test_what_our_own_pages_make_is_valid(chosen: dict[str, str]) -> None:
    entered = {field: (value,) if value else () for field, value in chosen.items()}
    answers = read_answers(load_form(OURS), entered, now=NOW)
    made = response(answers.form, response_items(answers))
    found = validate(made, {f"{CANONICAL}|1": OURS}.get, now=NOW)
    missing = {each.link_id for each in found if each.rule == "required"}
    assert missing <= {"d"}
    assert ("d" in missing) <= ("d" in answers.mistakes)
    assert [each for each in found if each.rule != "required"] == []


KEYS = ["linkId", "item", "answer", "valueCoding", "valueDate", "code", "status", "authored", "extension"]


@settings(deadline=None)  # a busy machine must not decide
@drawn(
    st.recursive(
        st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["a", "b", "d", "e", "f", "g", "y"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(KEYS),
                inner,
                max_size=4,
            )
        ),
        max_leaves=25,
    )
)
def test_nothing_that_can_be_sent_stops_it(body: Any) -> None:
    about = body if isinstance(body, dict) else {}
    made = {"item": body, **about, "resourceType": Q, "questionnaire": CANONICAL}
    assert operation_outcome(validate(made, {CANONICAL: OURS}.get, now=NOW))["issue"]
