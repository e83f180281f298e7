"""The Jinja environments: each escapes in every file, and an unknown name is an error rather than a gap."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ipvscreen.messages import joined, message
from ipvscreen.web.languages import ENGLISH, Language, languages
from ipvscreen.web.words import TITLE

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@cache  # with the templates that each has compiled
def environments(smart_app: Path, base: str = "") -> Mapping[str, Environment]:
    """By locale; `base` is the path that every address of ours begins with."""
    return {language.locale: environment(smart_app, base, language) for language in languages()}


def environment(smart_app: Path, base: str = "", language: Language | None = None) -> Environment:
    """The templates of that `smart_app` folder in that language, English where none is named.

    What is printed is said in the language where it is a message, and as it is where not: a name never is
    one. `_("…", part=…)` makes a message of the template's own text.
    """
    language = language or Language(ENGLISH)
    made = Environment(
        loader=FileSystemLoader(smart_app / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=language.said,
    )
    made.globals |= {"title": TITLE, "base": base, "lang": language.tag, "_": message}
    made.filters["joined"] = lambda texts, separator: joined(separator, texts)
    return made


def static_files(smart_app: Path) -> dict[str, bytes]:
    """The static files of that folder by name, read once: no path from a request reaches the disk."""
    folder = smart_app / "static"
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in MEDIA_TYPES}
