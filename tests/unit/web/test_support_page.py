"""docs/reference/sdc-support.md says what tests show: run this file to write the page anew."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "sdc-support.md"
OTHERS = tomllib.loads(Path(__file__).with_name("support.toml").read_text("utf-8"))
# What a mark alone would say too well.
OURS = {
    "type date": "whole dates; part of one is kept",
    "type attachment": "validated, not rendered",
    "enableWhenExpression": "yes, after a post",
    "calculatedExpression": "yes, by the server",
    "rendering-xhtml (the text instead)": "left aside",
    "type reference": "yes, as text",
}
HEAD = """# What of a Questionnaire is supported

Written by `scripts/support` from the marks of the tests; a test fails where it is out of date. Every line of
our column is a test of that feature, through the real page in Chromium where it has a face. What would change
how a form is asked and has no line here is refused when it is loaded, with its path and a sentence.

The other columns repeat what each renderer's own documentation says, as of November 2026; we have not run
them. "Not stated" means that the documentation does not say.
"""


def marked() -> dict[str, list[str]]:
    """Feature → tests, as `file::test`, in the order of the files."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if "node_modules" in path.parts or 'feature("' not in (source := path.read_text("utf-8")):
            continue
        for function in ast.walk(ast.parse(source)):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for name in _features(function):
                    found.setdefault(name, []).append(f"{path.relative_to(ROOT)}::{function.name}")
    return found


def _features(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for decorator in function.decorator_list:
        for call in ast.walk(decorator):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in ("feature", "pytest.mark.feature"):
                (name,) = call.args
                yield ast.literal_eval(name)


def page(tests: dict[str, list[str]]) -> str:
    renderers = OTHERS["renderers"]
    lines = [HEAD, *(f"- **{name}**: {source}." for name, source in renderers.items())]
    for section, features in OTHERS["features"].items():
        lines += ["", f"## {section}", "", f"| feature | ours | {' | '.join(renderers)} | test |"]
        lines.append("|" + "---|" * (len(renderers) + 3))
        lines += [_row(name, others, tests.get(name, ())) for name, others in features.items()]
    return "\n".join(lines) + "\n"


def _row(name: str, others: list[str], tests: object) -> str:
    shown = ", ".join(f"`{test.partition('::')[2]}`" for test in tests)  # type: ignore[attr-defined]
    return f"| {name} | {OURS.get(name, 'yes')} | {' | '.join(others)} | {shown} |"


def test_every_feature_has_a_test_and_every_mark_a_line() -> None:
    named = {name for features in OTHERS["features"].values() for name in features}

    assert named - marked().keys() == set(), "a feature without a test"
    assert marked().keys() - named == set(), "a mark that the page does not know"


def test_each_line_has_every_renderer() -> None:
    for features in OTHERS["features"].values():
        assert {len(others) for others in features.values()} == {len(OTHERS["renderers"])}


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(marked()), "run scripts/support"


if __name__ == "__main__":
    PAGE.write_text(page(marked()), "utf-8")
