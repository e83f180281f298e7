"""veraPDF finds no rule of PDF/UA-1 broken in a letter, and finds one where there are no tags."""

import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import typst
from servers import INTEROP, missing

from ipvscreen.delivery.letter import printed
from ipvscreen.ipv.contact_words import rules
from ipvscreen.ipv.referral import ContactWay, SafeContact
from ipvscreen.parts import data_folder
from ipvscreen.resources.letter import Letter, Section
from ipvscreen.web.languages import language_of

TEMPLATE = (data_folder("smart_app") / "letter.typ").read_bytes()
AT = datetime(2026, 3, 2, 10, 9, tzinfo=UTC)


def broken(*files: Path) -> dict[str, list[str]]:
    """The rules that veraPDF finds broken, by the file's name."""
    java, classpath = shutil.which("java"), INTEROP / "classpath"
    if java is None or not (INTEROP / "classes" / "Letters.class").is_file():
        missing("veraPDF is not there: it needs Java, Maven and scripts/interop")
    path = f"{INTEROP / 'classes'}:{classpath.read_text(encoding='utf-8')}"
    done = subprocess.run(  # noqa: S603  our own program, with our own files
        [str(java), "-cp", path, "Letters", *map(str, files)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return {Path(file).name: rules for file, rules in json.loads(done.stdout).items()}


def test_letters_keep_the_rules_and_a_file_without_tags_does_not(tmp_path: Path) -> None:
    one = (
        Section("How to be in touch", tuple(rules(SafeContact(ContactWay.PHONE, "07700 900123")))),
        Section("Wanted", ("A", "B"), listed=True),
    )
    long = (*one, *(Section(f"Part {number}", ("x " * 200, "# $ *")) for number in range(12)))
    for name, sections, locale in (
        ("one.pdf", one, "en-GB"),
        ("pages.pdf", long, "en-GB"),
        ("french.pdf", long, "fr-CA"),
        ("dutch.pdf", one, "nl-NL"),
    ):
        letter = Letter("The Willow group", AT, sections)
        said = language_of(locale).said
        (tmp_path / name).write_bytes(printed(TEMPLATE, letter, ZoneInfo("Europe/London"), locale, said))
    (tmp_path / "bare.pdf").write_bytes(typst.compile(b"= Letter", format="pdf", pdf_tags=False))

    found = broken(*sorted(tmp_path.glob("*.pdf")))

    assert [found[name] for name in ("one.pdf", "pages.pdf", "french.pdf", "dutch.pdf")] == [[], [], [], []]
    assert len(found["bare.pdf"]) > 3
