"""Nothing that comes from a record, a form or a service can become markup: read from the templates."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import nodes

from ipvscreen.web.errors import Problem
from ipvscreen.web.templates import environment

ROOT = Path(__file__).parents[3]
TEMPLATES = sorted((ROOT / "smart_app" / "templates").rglob("*.html"))
NAMES = [str(path.relative_to(ROOT / "smart_app" / "templates")) for path in TEMPLATES]
ENVIRONMENT = environment(ROOT / "smart_app", "/base")
UNESCAPED = {"safe", "tojson", "xmlattr", "forceescape", "striptags", "urlize", "indent"}
# What an address may be made of: our own path, and what the settings of the deployer say.
ADDRESSES = {"base", "frame.base", "frame.step", "problem.href", "to", "href", "address", "out", "name"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "&lt;b&gt;",
    "\u2028<b>",
]


def parsed(name: str) -> nodes.Template:
    return ENVIRONMENT.parse((ROOT / "smart_app" / "templates" / name).read_text("utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_no_template_turns_the_escaping_off(name: str) -> None:
    tree = parsed(name)
    assert not UNESCAPED & {one.name for one in tree.find_all(nodes.Filter)}
    assert not [*tree.find_all((nodes.EvalContextModifier, nodes.ScopedEvalContextModifier))]
    assert not [*tree.find_all((nodes.MarkSafe, nodes.MarkSafeIfAutoescape))]


def _printed(source: str) -> Iterator[tuple[str, str]]:
    """Every `{{ … }}` with what stands before it in its file, tags of the template taken away."""
    for match in re.finditer(r"\{\{(.*?)\}\}", source, re.DOTALL):
        yield re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", source[: match.start()], flags=re.DOTALL), match[1].strip()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_printed_stands_in_text_or_between_quotes(name: str) -> None:
    source = (ROOT / "smart_app" / "templates" / name).read_text("utf-8")
    for before, what in _printed(source):
        tag = re.search(r"<[a-zA-Z][^<>]*$", before)
        assert not re.search(r"<(script|style)\b[^>]*>(?!.*</\1>)", before, re.DOTALL), (name, what)
        if tag is None:
            continue
        attribute = re.search(r'([a-z-]+)="[^"]*$', tag[0])
        if attribute is None:
            assert re.fullmatch(r"'[^']*'( if .*)?|\"[^\"]*\"( if .*)?", what), (name, what)
        else:
            assert not re.fullmatch(r"style|srcdoc|on.*", attribute[1]), (name, what)
            if attribute[1] in ("href", "src", "action", "content", "data-draft"):
                assert what in ADDRESSES, (name, what)


def test_everything_is_escaped_whatever_the_name_of_its_file() -> None:
    assert ENVIRONMENT.autoescape is True
    assert ENVIRONMENT.from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"


@pytest.mark.parametrize("text", HOSTILE)
def test_words_of_others_stay_words(text: str) -> None:
    """One template of each kind: text, attribute, address of a link."""
    page = ENVIRONMENT.get_template("problem.html").render(
        problem=Problem(400, text, (text, text), href="/here", label=text), reference=text
    )
    plain = ENVIRONMENT.get_template("problem.html").render(
        problem=Problem(400, "x", ("x", "x"), href="/here", label="x"), reference="x"
    )
    tags = re.compile(r"<[^>]+>")
    assert tags.findall(page) == tags.findall(plain)


def test_nothing_of_ours_is_marked_as_safe_in_python() -> None:
    for path in sorted((ROOT / "src" / "ipvscreen" / "web").rglob("*.py")):
        names = {one.id for one in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(one, ast.Name)}
        assert not names & {"Markup", "escape", "soft_str"}, path


def test_the_script_makes_no_markup_from_text() -> None:
    """Trusted types would stop it in browsers that know them; this stops it in all."""
    script = (ROOT / "smart_app" / "static" / "page.js").read_text("utf-8")
    for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(",
                 "srcdoc", "setAttribute", "createContextualFragment", "localStorage", "sessionStorage",
                 "indexedDB", "document.cookie", "import("):  # fmt: skip
        assert sink not in script, sink
    assert len(script.encode()) <= 3_000
