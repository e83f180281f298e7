"""Text with emphasis and lists: printed with our own tags, whatever stood in it."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ipvscreen.web.presenters.rich import Part, parts
from ipvscreen.web.templates import environment

ROOT = Path(__file__).parents[3]
RICH = environment(ROOT / "smart_app").get_template("components/item/rich.html").module.rich  # type: ignore[attr-defined]


def printed(html: str) -> str:
    return str(RICH(parts(html))).replace("\n", "")


def test_the_tags_of_markdown_are_kept() -> None:
    html = "<p>One <strong>two</strong><br> <em>three</em></p><ul><li>a</li></ul><ol><li>b</li></ol>"
    assert printed(html) == html


def test_anything_else_is_text() -> None:
    assert parts("<div onclick='x'>a</div>") == (Part(text="a"),)
    assert printed("<p class='x'>&lt;b&gt;</p></em>") == "<p>&lt;b&gt;</p>"


@given(st.text(alphabet="<>/&;'\" abpemsrtongli=-!", max_size=60))
def test_no_text_becomes_another_tag(text: str) -> None:
    left = printed(text)
    for tag in ("p", "strong", "em", "ul", "ol", "li"):
        left = left.replace(f"<{tag}>", "").replace(f"</{tag}>", "")
    assert "<" not in left.replace("<br>", "")
