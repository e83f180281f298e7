"""What the form about own conduct calls for, and that nothing else ever looks at it."""

import ast
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ipvscreen.ipv.account import Concern, concerns, programmes
from ipvscreen.ipv.instruments import HARK, USE
from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.ipv.services import OWN_CONDUCT, Kind, Service
from ipvscreen.sdc.answers import PASS, read_answers

SOURCE = Path(__file__).parents[3] / "src" / "ipvscreen"
NAMED_BY = {  # whoever knows the form by name, and what for
    "ipv/instruments.py": "its name",
    "ipv/account.py": "what it calls for",
    "ipv/packs_file.py": "no pack may have it",
    "web/rooms.py": "the page of its own",
}


@pytest.mark.parametrize(
    ("entered", "expected"),
    [
        ({}, ()),
        ({"use-told": ("no",)}, ()),
        ({"use-told": ("yes",)}, ()),
        ({"use-told": (PASS,)}, ()),
        ({"use-told": ("yes",), "use-again": (PASS,)}, ()),
        ({"use-told": ("yes",), "use-again": ("yes",)}, (Concern.AGAIN,)),
        ({"use-told": ("yes",), "use-last": ("within-3-months",)}, (Concern.RECENT,)),
        ({"use-told": ("yes",), "use-last": ("3-to-6-months",)}, ()),
        ({"use-told": ("yes",), "use-children": ("yes",)}, (Concern.CHILDREN,)),
        ({"use-told": ("yes",), "use-children": ("not-known",)}, ()),
        ({"use-told": ("yes",), "use-help": ("yes",)}, (Concern.WANTS_HELP,)),
        (
            {
                "use-told": ("yes",),
                "use-last": ("within-3-months",),
                "use-children": ("yes",),
                "use-again": ("yes",),
                "use-help": ("yes",),
            },
            tuple(Concern),
        ),
    ],
)
def test_what_it_calls_for(forms: dict[str, Any], entered: dict[str, Any], expected: tuple[Concern, ...]):
    assert concerns(read_answers(forms[USE], entered)) == expected


def test_another_form_says_nothing_of_it(forms: dict[str, Any]):
    with pytest.raises(ValueError, match="own conduct"):
        concerns(read_answers(forms[HARK], {}))


def one_of(kind: Kind, **more: Any) -> Service:
    signed = {"contact_rules_signed": date(2026, 1, 5), "clinical_partner": "Dr Moor"}
    words = {"name": kind, "short_name": kind, "for_whom": "Adults.", "hours": "Mon", "phone": "01632 960026"}
    return Service(id=kind, kind=kind, reply_hours=48, endpoint="", **words, **(signed | more))


@pytest.mark.parametrize("sex", Sex)
@pytest.mark.parametrize("born", [None, date(1980, 2, 1), date(2014, 2, 1)])
def test_only_a_programme_is_named_and_never_who_helps_people_that_were_hurt(sex: Sex, born: date | None):
    """Of the whole directory, whoever the patient is; nothing is sent, so none needs an address."""
    found = programmes(map(one_of, Kind), Person("Owen", born, sex), Setting.GP, date(2026, 3, 2))
    assert {one.service.kind for one in found} == OWN_CONDUCT
    assert {one.support for one in found} == {"Support for the other person is not stated, so ask."}


@pytest.mark.parametrize(
    ("more", "there"),
    [
        ({}, True),
        ({"other_support": "the Harbour team"}, True),
        ({"age_from": 60}, False),
        ({"contact_rules_signed": None}, False),
    ],
)
def test_a_programme_that_does_not_fit_is_not_named(more: dict[str, Any], there: bool):
    programme = one_of(Kind.USES_VIOLENCE, **more)
    found = programmes([programme], Person("Owen", date(1980, 2, 1), Sex.MALE), Setting.GP, date(2026, 3, 2))
    assert bool(found) is there
    if support := more.get("other_support"):
        assert f"The other person is supported by {support}." == found[0].support


def names(path: Path, found: Callable[[ast.AST], bool]) -> bool:
    return any(found(node) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def test_nobody_else_knows_the_form() -> None:
    """A use in another module could let it into an assessment, a record or a referral."""

    def knows(node: ast.AST) -> bool:
        return (isinstance(node, ast.Name) and node.id == "USE") or (
            isinstance(node, ast.Constant) and str(node.value).startswith("use-")
        )

    found = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py") if names(path, knows)}
    assert found == set(NAMED_BY)
