"""The probe: one of each type, as a visit would write it, and nothing that could be taken for a finding."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ipvscreen.resources.context import Context
from ipvscreen.resources.labels import labels_of
from ipvscreen.resources.probe import TEST_NAME, probe
from ipvscreen.resources.scopes import written_kinds
from ipvscreen.sdc.form import Form


def test_there_is_one_of_each_type_that_the_app_writes(ctx: Context, forms: dict[str, Form]) -> None:
    items = probe(ctx, forms["hark"])

    assert sorted(item.kind for item in items) == sorted((*written_kinds(), "Condition"))
    assert items[-1].kind == "Provenance"
    assert {target["reference"] for target in items[-1].body["target"]} == {i.full_url for i in items[:-1]}


def test_each_is_labelled_as_in_a_visit(ctx: Context, forms: dict[str, Form]) -> None:
    for item in probe(ctx, forms["hark"]):
        assert item.body["meta"]["security"] == list(labels_of(item.about))


def test_no_question_has_an_answer(
    ctx: Context, forms: dict[str, Form], strings: Callable[[Any], Iterator[str]]
) -> None:
    items = {item.kind: item.body for item in probe(ctx, forms["hark"])}

    assert "item" not in items["QuestionnaireResponse"]
    assert items["Observation"]["dataAbsentReason"]["coding"][0]["code"] == "not-asked"
    assert not any(name.startswith("value") for name in items["Observation"])
    assert items["Task"]["owner"] == {"display": TEST_NAME}
    assert "Sam Doe" not in set(strings(list(items.values())))


def test_each_run_writes_entries_of_its_own(ctx: Context, forms: dict[str, Form]) -> None:
    first, second = (probe(replace(ctx, visit_id=run), forms["hark"]) for run in ("run/1", "run/2"))

    assert {item.key for item in first}.isdisjoint(item.key for item in second)
