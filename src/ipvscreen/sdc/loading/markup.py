"""Markdown → HTML of a few harmless elements."""

import nh3
from markdown_it import MarkdownIt

TAGS = frozenset({"p", "br", "strong", "em", "ul", "ol", "li"})
LONGEST = 4000  # characters: more is no text of a question
MARKS = 200  # signs that might begin or end something: many of them take quadratic time
_SIGNS = "*_[]!<&`\\"

# Links would lead off the page and images would be fetched; a text that has them is shown without marks.
_PARSER = MarkdownIt("commonmark", {"html": False}).disable(
    ["link", "image", "autolink", "reference", "html_block", "html_inline"]
)


def to_html(markdown: str) -> str | None:
    """HTML that holds TAGS without attributes; None where the plain text must be shown instead.

    That is for links, images, and what is over LONGEST or MARKS. HTML in the markdown is shown as it is
    written.
    """
    if len(markdown) > LONGEST or sum(markdown.count(mark) for mark in _SIGNS) > MARKS:
        return None
    if "](" in markdown or "][" in markdown:
        return None
    tokens = _PARSER.parse(markdown)
    for token in tokens:
        if token.tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            token.tag = "p"  # the headings of a page are its own
    html = _PARSER.renderer.render(tokens, _PARSER.options, {})
    return nh3.clean(html, tags=set(TAGS), attributes={}).strip()
