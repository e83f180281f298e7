"""Print a letter as PDF that every reader can have read aloud: tagged, PDF/UA-1, the same bytes every time.

Typst sets it. What somebody has written comes to the template as JSON and is set as text: it never becomes
markup. Nothing is fetched; the fonts are those that Typst brings with it, unless a name needs others.
"""

import json
from collections.abc import Callable
from datetime import UTC, tzinfo
from functools import partial
from typing import Any, cast

from ipvscreen.errors import LetterNotMade
from ipvscreen.messages import day_said, message
from ipvscreen.resources.letter import TITLE, Letter

_NO_PROGRAM = message("Letters cannot be made here: tell whoever runs this app. Hand it over by telephone.")
_NOT_SET = message("This letter holds signs that cannot be printed here. Hand it over by telephone.")
_TO = message("To: {service}")
_FOOT = (
    message(
        "Please keep this letter where nobody else can read it, and destroy it once it is no longer needed."
    ),
    message("If it has reached you by mistake, please ring the number above and tell nobody else."),
)
_PAPER = {"CA": "us-letter", "US": "us-letter"}


def printed(
    template: bytes, letter: Letter, zone: tzinfo, locale: str = "en-GB", said: Callable[[Any], Any] = str
) -> bytes:
    """The letter as PDF; its day is that of `zone`. LetterNotMade, in plain words, where it cannot be.

    `said`: what is ours in the language of `locale` (BCP 47, with a region), which is that of the document.
    Takes a tenth of a second of one processor: not for an event loop.
    """
    try:
        import typst  # here: 81 MB that come with the extra `letters` alone
    except ImportError:
        raise LetterNotMade(_NO_PROGRAM) from None
    compiled = partial(
        typst.compile,
        template,
        format="pdf",
        sys_inputs={"letter": json.dumps(_content(letter, zone, locale, said))},
        pdf_standards=["ua-1"],
        timestamp=letter.written.astimezone(UTC).replace(microsecond=0),
    )
    # System fonts only where those of Typst lack a sign, so that a letter is else the same on every machine.
    for without_system_fonts in (True, False):
        try:
            return cast(bytes, compiled(ignore_system_fonts=without_system_fonts))
        except typst.TypstError:
            continue
    raise LetterNotMade(_NOT_SET)  # not Typst's own words, which quote the letter


def _content(letter: Letter, zone: tzinfo, locale: str, said: Callable[[Any], Any]) -> dict[str, object]:
    lang, _, region = locale.partition("-")
    day = day_said(letter.written.astimezone(zone).date())
    return {
        "title": said(TITLE),
        "lang": lang,
        "region": region,
        "paper": _PAPER.get(region, "a4"),
        "head": [said(one) for one in (_TO.given(service=letter.service), day)],
        "sections": [
            {"heading": said(one.heading), "lines": [said(line) for line in one.lines], "listed": one.listed}
            for one in letter.sections
        ],
        "foot": [said(one) for one in _FOOT],
    }
