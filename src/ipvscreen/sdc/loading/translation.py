"""The words of a Questionnaire in the language that is wanted, where it has them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ipvscreen.sdc.loading.extensions import ON_TEXT, Ext, Extensions
from ipvscreen.sdc.loading.markup import to_html
from ipvscreen.sdc.loading.node import Node

_BESIDE = ("id", "extension")
MOST_MARKED = 200_000  # characters of markdown in one form, so that it is read in a second


@dataclass(frozen=True, slots=True)
class Words:
    """A text, and its sanitised HTML where it has marks."""

    text: str
    html: str | None = None


@dataclass(frozen=True, slots=True)
class Tongue:
    """The language that is wanted, the Questionnaire's own (BCP 47), and the paths that lack it."""

    wanted: str | None
    own: str | None
    lacking: list[str] = field(default_factory=list)
    marked: list[int] = field(default_factory=lambda: [0])  # characters of markdown that were rendered

    @property
    def spoken(self) -> str | None:
        """The language of the form: the one that is wanted only if every word was found in it."""
        return self.own if self.lacking or not self.wanted else self.wanted

    def words(self, node: Node, key: str) -> Words | None:
        """The text under `key` with what stands beside it (`_key`); None if there is none."""
        own = node.optional_text(key)
        if own is None:
            return None
        if f"_{key}" not in node.body:
            return Words(self._or_own(node, key, None, own))
        beside = node.child(f"_{key}")
        beside.only(_BESIDE)
        extensions = Extensions(beside, ON_TEXT)
        translated = self._translated(extensions)
        text = self._or_own(node, key, translated, own)
        return Words(text, self._html(extensions, translated is not None))

    def text(self, node: Node, key: str) -> str | None:
        """The same without marks."""
        words = self.words(node, key)
        return words.text if words else None

    def choose(self, offered: Mapping[str, str]) -> str | None:
        """Of texts by language, the one that is wanted: nl-BE takes nl, but not the other way round."""
        by_language = {language.lower(): text for language, text in offered.items()}
        wanted = (self.wanted or "").lower()
        while wanted:
            if wanted in by_language:
                return by_language[wanted]
            wanted = wanted.rpartition("-")[0]
        return None

    def _or_own(self, node: Node, key: str, translated: str | None, own: str) -> str:
        if translated is not None:
            return translated
        if self.wanted and not _alike(self.wanted, self.own):
            self.lacking.append(f"{node.path}.{key}")
        return own

    def _translated(self, extensions: Extensions) -> str | None:
        offered = dict(_translation(extension) for extension in extensions.all(Ext.TRANSLATION))
        return self.choose(offered)

    def _html(self, extensions: Extensions, translated: bool) -> str | None:
        """Marks belong to the words they mark: not shown where the words are a translation without them."""
        extension = extensions.one(Ext.MARKDOWN)
        if extension is None:
            return None
        extension.only(("id", "url", "valueMarkdown", "_valueMarkdown"))
        markdown: str | None = extension.text("valueMarkdown")
        if translated:
            markdown = None
        if "_valueMarkdown" in extension.body:
            beside = extension.child("_valueMarkdown")
            beside.only(_BESIDE)
            markdown = self._translated(Extensions(beside, ON_TEXT)) or markdown
        return self._rendered(extension, markdown) if markdown else None

    def _rendered(self, extension: Node, markdown: str) -> str | None:
        self.marked[0] += len(markdown)
        if self.marked[0] > MOST_MARKED:
            raise extension.refuse(f"takes the form over {MOST_MARKED} characters of markdown.")
        return to_html(markdown)


def _translation(extension: Node) -> tuple[str, str]:
    extension.only(("id", "url", "extension"))
    language = content = None
    for part in extension.children("extension"):
        if part.text("url") == "lang":
            language = part.text("valueCode")
        elif part.text("url") == "content":
            content = part.optional_text("valueString") or part.optional_text("valueMarkdown")
    if language is None or content is None:
        raise extension.refuse("must hold a language and its content.")
    return language, content


def _alike(wanted: str, own: str | None) -> bool:
    return own is not None and wanted.lower().split("-")[0] == own.lower().split("-")[0]
