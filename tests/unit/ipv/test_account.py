"""What the form about own conduct calls for, and that nothing else ever looks at it."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ipvscreen.ipv.account import Concern, concerns
from ipvscreen.ipv.instruments import HARK, USE
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
