"""The official FHIRPath suite for R4: what fhirpathpy passes alone, and what with our supplement."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fhirpathpy import evaluate
from fhirpathpy.models import models
from official_suite import Case, Evaluate, cases, passes, resources

from ipvscreen.sdc import expressions

INTEROP = Path(__file__).parents[2] / "var" / "interop"
TESTS, ALONE, SUPPLEMENTED = 935, 777, 826  # fhir-test-cases 1.7.69, fhirpathpy 2.2.4


def alone(expression: str, resource: dict[str, Any]) -> list[Any]:
    """fhirpathpy as it is, with its R4 model."""
    return evaluate(resource, expression, {"resource": resource}, models["r4"])


def supplemented(expression: str, resource: dict[str, Any]) -> list[Any]:
    """Ours; what a form may not use is evaluated here all the same."""
    return expressions.evaluate(expression, resource, now=datetime.now(UTC), checked=False)


@pytest.fixture(scope="module")
def passed() -> dict[Evaluate, set[str]]:
    """The names of the tests that each engine passes; skips, in CI fails, where the suite is not there."""
    if not (INTEROP / "stamp").is_file():
        why = "the official suite is not there: it needs Java, Maven and scripts/interop"
        pytest.fail(why) if os.environ.get("IPVSCREEN_CI") else pytest.skip(why)
    suite, inputs = cases(INTEROP), resources(INTEROP)
    assert len(suite) == len({case.name for case in suite}) == TESTS
    return {
        engine: {case.name for case in suite if passes(case, engine, inputs)}
        for engine in (alone, supplemented)
    }


def test_the_pass_rates_are_at_least_those_that_are_quoted(passed: dict[Evaluate, set[str]]) -> None:
    assert len(passed[alone]) >= ALONE
    assert len(passed[supplemented]) >= SUPPLEMENTED
    assert len(passed[supplemented]) > len(passed[alone])


def test_nothing_that_passed_without_the_supplement_fails_with_it(passed: dict[Evaluate, set[str]]) -> None:
    assert passed[alone] - passed[supplemented] == set()


@pytest.mark.parametrize(
    ("found", "wanted", "is_pass"),
    [
        ([True], (("boolean", "true"),), True),
        ([1], (("boolean", "true"),), False),
        ([True], (("integer", "1"),), False),
        ([4], (("integer", "4"),), True),
        ([4], (("integer", "4"), ("integer", "4")), False),
        ([], (), True),
        (["2015-02-04"], (("date", "@2015-02-04"),), True),
        (["a"], (("string", "b"),), False),
    ],
)
def test_what_counts_as_passed(found: list[Any], wanted: tuple[tuple[str, str], ...], is_pass: bool) -> None:
    case = Case("", "", "p", wanted, invalid=False, predicate=False)

    assert passes(case, lambda *_: found, {"p": {}}) is is_pass


def test_an_error_is_a_pass_only_where_one_is_expected() -> None:
    def fails(*_: Any) -> list[Any]:
        raise ValueError

    expected = Case("", "", "p", (), invalid=True, predicate=False)
    unexpected = Case("", "", "p", (), invalid=False, predicate=False)

    assert passes(expected, fails, {"p": {}})
    assert not passes(unexpected, fails, {"p": {}})
    assert not passes(expected, lambda *_: [], {"p": {}})
