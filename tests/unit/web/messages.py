"""Every message of ours as a catalogue without translations; run as a program, it renews the .po files."""

import json
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from ipvscreen.web.languages import FILES, FOLDER

ROOT = Path(__file__).parents[3]
FORMS = ROOT / "questionnaires"
PYTHON, JINJA, KEYWORDS = [("**.py", "python")], [("**.html", "jinja2")], {"message": None, "_": None}
OPTIONS = {"**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}
# For who makes forms: English. And the module that makes messages, which has none of its own.
NOT_OURS = {"preview.html", "messages.py"}
OUR_WORDS = "Our own words"
DATA = ("population", "limits")  # sentences of validity.json


def extracted() -> Catalog:
    """What is there to be translated, with the files that it stands in."""
    found = Catalog(charset="utf-8")
    for folder, method in ((ROOT / "src" / "ipvscreen", PYTHON), (ROOT / "smart_app" / "templates", JINJA)):
        options = OPTIONS if method is JINJA else {}
        for name, _, text, comments, _ in extract_from_dir(
            folder, method, options, KEYWORDS, ["translators:"]
        ):
            if name not in NOT_OURS:
                place = (folder / name).relative_to(ROOT).as_posix()
                found.add(text, locations=[(place, None)], auto_comments=comments)
    for place, text in _data():
        found.add(text, locations=[(place, None)])
    return found


def _data() -> Iterator[tuple[str, str]]:
    """Sentences of data files that pages show; what others have written stays as it is."""
    rows = json.loads((FORMS / "validity.json").read_text(encoding="utf-8"))["rows"]
    yield from (("questionnaires/validity.json", row[key]) for row in rows for key in DATA if row.get(key))
    for path in sorted(FORMS.glob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8")).get("copyright", "")
        if told.startswith(OUR_WORDS):
            yield path.relative_to(ROOT).as_posix(), told


def renew() -> None:
    """Add what is new and drop what is gone; a translation whose English changed has to be made anew."""
    for name in FILES.values():
        path = FOLDER / f"{name}.po"
        with path.open("rb") as file:
            kept = read_po(file, locale=name)
        kept.update(extracted(), no_fuzzy_matching=True, update_creation_date=False)
        kept.obsolete.clear()
        with path.open("wb") as file:
            write_po(file, kept, width=100, sort_output=True, include_lineno=False)


if __name__ == "__main__":
    renew()
