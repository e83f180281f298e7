"""The Jinja environment: escapes in every file, and an unknown name is an error rather than a gap."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ipvscreen.web.words import TITLE

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def environment(smart_app: Path, base: str = "") -> Environment:
    """The templates of that `smart_app` folder; `base` is the path that every address of ours begins with."""
    made = Environment(
        loader=FileSystemLoader(smart_app / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["title"] = TITLE
    made.globals["base"] = base
    return made


def static_files(smart_app: Path) -> dict[str, bytes]:
    """The static files of that folder by name, read once: no path from a request reaches the disk."""
    folder = smart_app / "static"
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in MEDIA_TYPES}
