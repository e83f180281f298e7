"""Markdown becomes a few harmless elements, or the plain text is shown."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvscreen.sdc.loading.markup import LONGEST, MARKS, TAGS, to_html


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("One **two** *three*", "<p>One <strong>two</strong> <em>three</em></p>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("1. a\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>"),
        ("One\\\ntwo", "<p>One<br>\ntwo</p>"),
        ("# Heading", "<p>Heading</p>"),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("a <b onclick=x>b</b>", "<p>a &lt;b onclick=x&gt;b&lt;/b&gt;</p>"),
        ("<https://x.example>", "<p>&lt;https://x.example&gt;</p>"),
        ("`code`", "<p>code</p>"),
        ("a & b", "<p>a &amp; b</p>"),
    ],
)
def test_markdown_is_rendered(markdown: str, html: str) -> None:
    assert to_html(markdown) == html


@pytest.mark.parametrize(
    "markdown",
    [
        "[words](https://x.example)",
        "![picture](https://x.example/p.png)",
        "[words](javascript:alert(1))",
        "[words][one]\n\n[one]: https://x.example",
        "x" * (LONGEST + 1),
        "*" * (MARKS + 1),
        "![" * (MARKS // 2) + "!",
    ],
)
def test_the_plain_text_is_shown_instead(markdown: str) -> None:
    assert to_html(markdown) is None


def test_what_is_just_small_enough_is_rendered() -> None:
    assert to_html("x" * LONGEST) == f"<p>{'x' * LONGEST}</p>"
    assert to_html("*a* " * (MARKS // 2)) is not None


@settings(deadline=None)
@given(st.text(alphabet='<>"/ab=*_-#`&;:[]() \n1.', max_size=60))
def test_nothing_but_the_allowed_elements_comes_out(markdown: str) -> None:
    html = to_html(markdown) or ""
    for tag in TAGS:
        html = html.replace(f"<{tag}>", "").replace(f"</{tag}>", "")
    assert "<" not in html
    assert ">" not in html
