"""Sanitised markdown as parts that a template prints with its own tags: no markup goes through as it is."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

TAGS = frozenset({"p", "br", "strong", "em", "ul", "ol", "li"})
_VOID = "br"


@dataclass(slots=True)
class Part:
    """A piece of text (`tag` is empty), or one of TAGS around other parts."""

    tag: str = ""
    text: str = ""
    inside: list["Part"] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Part()]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  not one
        if tag in TAGS:
            made = Part(tag)
            self.open[-1].inside.append(made)
            if tag != _VOID:
                self.open.append(made)

    def handle_endtag(self, tag: str) -> None:
        if len(self.open) > 1 and self.open[-1].tag == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(Part(text=data))


def parts(html: str) -> tuple[Part, ...]:
    """The parts of sanitised HTML; any other tag is left out, its text stays."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return tuple(reader.open[0].inside)
