"""The letter as PDF: what of PDF/UA-1 can be looked at here, hostile text, neutral metadata, the same bytes.

veraPDF looks at all of it in `scripts/interop`.
"""

import builtins
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pikepdf
import pytest
import typst

from ipvscreen.delivery.letter import printed
from ipvscreen.errors import LetterNotMade
from ipvscreen.ipv.contact_words import rules
from ipvscreen.ipv.referral import ContactWay, SafeContact, Sharing
from ipvscreen.parts import data_folder
from ipvscreen.resources.letter import TITLE, Letter, Section
from ipvscreen.resources.neutral import topic_word
from ipvscreen.resources.request import without_agreement
from ipvscreen.web.languages import language_of

TEMPLATE = (data_folder("smart_app") / "letter.typ").read_bytes()
LONDON = ZoneInfo("Europe/London")
HOSTILE = (
    '#panic("x")',
    '#read("/etc/passwd")',
    '#import "@preview/cetz:0.3.0": *',
    '") #sys.inputs (',
    "$ x^2 $ *bold* _it_ `raw` = heading - item + 1. / a: b <label> @ref \\u{41} // no /* none */",
    "]#[ }#{ #set page(width: 1cm)",
    "\\",
    '{"title": "Other"}',
    "–“”…",
)


def letter(*said: str, name: str = "Sam Doe") -> Letter:
    return Letter(
        "The Willow group",
        datetime(2026, 3, 2, 10, 9, 5, 17, tzinfo=UTC),
        (
            Section("How to be in touch", ("Ring the number given, and use no other way.", *said)),
            Section("Who this is about", (name,)),
            Section("What is wanted", ("Somewhere to live", "This is urgent."), listed=True),
        ),
    )


def opened(pdf: bytes) -> pikepdf.Pdf:
    return pikepdf.open(io.BytesIO(pdf))


def shown(pdf: pikepdf.Pdf) -> list[tuple[str, bool]]:
    """Every operator that paints, and whether it stands in what is tagged or marked as an artifact."""
    found = []
    for page in pdf.pages:
        depth: list[bool] = []
        for operands, operator in pikepdf.parse_content_stream(page):
            name = str(operator)
            if name in ("BDC", "BMC"):
                depth.append(str(operands[0]) == "/Artifact" or "/MCID" in operands[1])
            elif name == "EMC":
                depth.pop()
            elif name in ("Tj", "TJ", "'", '"', "S", "s", "f", "f*", "B", "b", "Do", "sh"):
                found.append((name, any(depth)))
    return found


def fonts(pdf: pikepdf.Pdf) -> Iterator[Any]:
    for page in pdf.pages:
        for font in page.Resources.Font.values():
            for one in font.get("/DescendantFonts", [font]):
                yield one.FontDescriptor


def words(pdf: pikepdf.Pdf) -> str:
    """The text as a reader hears it: what each code of each font stands for (ToUnicode)."""
    told = []
    for page in pdf.pages:
        maps = {name: _unicode(font) for name, font in page.Resources.Font.items()}
        known: dict[int, str] = {}
        for operands, operator in pikepdf.parse_content_stream(page):
            if str(operator) == "Tf":
                known = maps[str(operands[0])]
            elif str(operator) in ("Tj", "TJ"):
                parts = operands[0] if str(operator) == "TJ" else operands
                raw = b"".join(bytes(one) for one in parts if isinstance(one, pikepdf.String))
                told.append("".join(known.get(raw[i] << 8 | raw[i + 1], "?") for i in range(0, len(raw), 2)))
    return "".join(told)


def _unicode(font: Any) -> dict[int, str]:
    """As Typst writes it: `<code> <text>` a line, between beginbfchar and endbfchar."""
    known = {}
    for line in font.ToUnicode.read_bytes().decode("latin-1").splitlines():
        parts = line.split()
        if len(parts) == 2 and all(one.startswith("<") for one in parts) and len(parts[0]) == 6:
            known[int(parts[0][1:-1], 16)] = bytes.fromhex(parts[1][1:-1]).decode("utf-16-be")
    return known


@pytest.fixture(scope="module")
def pdf() -> pikepdf.Pdf:
    return opened(printed(TEMPLATE, letter(), LONDON))


def test_it_is_tagged_and_says_so(pdf: pikepdf.Pdf) -> None:
    root = pdf.Root
    assert root.MarkInfo.Marked is True
    assert root.MarkInfo.get("/Suspects", False) is False
    assert str(root.Lang) == "en-GB"
    assert root.ViewerPreferences.DisplayDocTitle is True
    xmp = pdf.open_metadata()
    assert (xmp["pdfuaid:part"], xmp["dc:title"]) == ("1", "Letter")
    kinds = {str(one.S) for one in _elements(root.StructTreeRoot)}
    assert {"/Document", "/H1", "/H2", "/P", "/L", "/LI"} <= kinds


def _elements(node: Any) -> Iterator[Any]:
    kids = node.get("/K", [])
    for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
        if isinstance(kid, pikepdf.Dictionary) and "/S" in kid:
            yield kid
            yield from _elements(kid)


def test_all_that_is_painted_is_tagged_or_an_artifact(pdf: pikepdf.Pdf) -> None:
    painted = shown(pdf)

    assert len(painted) > 10
    assert [name for name, tagged in painted if not tagged] == []


def test_a_pdf_without_tags_is_noticed() -> None:
    """The control of the two tests above: they go red where there are no tags."""
    content = json.dumps(
        {
            "title": "Letter",
            "lang": "en",
            "region": "GB",
            "paper": "a4",
            "head": ["x"],
            "sections": [],
            "foot": [],
        }
    )
    bare = opened(typst.compile(TEMPLATE, format="pdf", sys_inputs={"letter": content}, pdf_tags=False))

    assert "/MarkInfo" not in bare.Root or not bare.Root.MarkInfo.get("/Marked", False)
    assert [name for name, tagged in shown(bare) if not tagged] != []


def test_every_font_is_embedded(pdf: pikepdf.Pdf) -> None:
    found = list(fonts(pdf))

    assert len(found) >= 1
    assert all({"/FontFile2", "/FontFile3"} & set(one.keys()) for one in found)


def test_the_metadata_are_neutral(pdf: pikepdf.Pdf) -> None:
    assert {str(name) for name in pdf.docinfo} == {"/Title", "/Creator", "/CreationDate", "/ModDate"}
    xmp = pdf.Root.Metadata.read_bytes().decode()
    told = " ".join([*(str(value) for value in pdf.docinfo.values()), xmp])
    assert "Letter" in told
    assert topic_word(told) is None
    assert not any(one in told for one in ("Sam", "Willow", "ipvscreen", "health"))


def test_the_same_letter_is_the_same_bytes() -> None:
    assert printed(TEMPLATE, letter(), LONDON) == printed(TEMPLATE, letter(), LONDON)
    assert printed(TEMPLATE, letter(), LONDON) != printed(TEMPLATE, letter(name="Sam Do"), LONDON)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_somebody_wrote_is_text_and_nothing_else(text: str) -> None:
    pdf = opened(printed(TEMPLATE, letter(text, name=text), LONDON))

    told = words(pdf).replace("\u00ad", "")
    assert told.replace(" ", "").count(text.replace(" ", "")) == 2, told
    assert len(pdf.pages) == 1
    assert [float(side) for side in pdf.pages[0].MediaBox][2:] == pytest.approx([595.28, 841.89], abs=0.1)


@pytest.mark.parametrize(
    ("locale", "wide", "said"),
    [
        (
            "nl-NL",
            595.28,
            ("Brief", "Aan:TheWillowgroup", "2maart2026", "Zegeerstditcodewoord:lamp.", "Verzonden"),
        ),
        (
            "fr-CA",
            612,
            ("Lettre", "À:TheWillowgroup", "2mars2026", "Ditesd’abordcemotconvenu:lamp.", "Envoyé"),
        ),
    ],
)
def test_it_is_in_the_language_of_the_pack_and_says_so(
    locale: str, wide: float, said: tuple[str, ...]
) -> None:
    contact = SafeContact(ContactWay.PHONE, "07700 900123", code_word="lamp", review=date(2026, 3, 30))
    shared = without_agreement(Sharing("Dr Clark", "child", told=True))
    one = Letter("The Willow group", letter().written, (Section(TITLE, (*rules(contact), shared)),))

    pdf = opened(printed(TEMPLATE, one, LONDON, locale, language_of(locale).said))

    told = "".join(words(pdf).split())
    assert [text for text in said if text not in told] == []
    assert not {"code word", "Ring", "Please"} & set(told.split())
    assert str(pdf.Root.Lang) == locale
    assert float(pdf.pages[0].MediaBox[2]) == pytest.approx(wide, abs=0.1)
    assert topic_word(str(pdf.open_metadata()["dc:title"])) is None


def test_the_day_is_that_of_the_place() -> None:
    late = Letter("The Willow group", datetime(2026, 6, 2, 23, 30, tzinfo=UTC), letter().sections)

    assert "3June2026" in words(opened(printed(TEMPLATE, late, LONDON))).replace(" ", "")


@pytest.mark.parametrize("name", ["Zoë Łukasiewicz", "Олена Шевченко", "Ελένη", "Nguyễn Thị Ánh"])
def test_names_that_the_fonts_of_the_program_hold(name: str) -> None:
    assert name.replace(" ", "") in words(opened(printed(TEMPLATE, letter(name=name), LONDON))).replace(
        " ", ""
    )


@pytest.mark.parametrize("name", ["ليلى حداد", "王小明", "Wiśniewska Żółć", "שרה כהן", "សុខា"])
def test_a_name_in_any_writing_is_there_sign_by_sign_or_refused_in_plain_words(name: str) -> None:
    """Which of the two depends on the fonts of the machine; a box in place of a sign is neither."""
    told, refused = name, ""
    try:
        told = words(opened(printed(TEMPLATE, letter(name=name), LONDON)))
    except LetterNotMade as why:
        refused = str(why)
    assert set(name) - {" "} <= set(told)
    assert refused in ("", "This letter holds signs that cannot be printed here. Hand it over by telephone.")


def test_a_sign_that_no_font_holds_is_refused_in_plain_words_and_without_the_name() -> None:
    with pytest.raises(LetterNotMade, match="cannot be printed here") as refused:
        printed(TEMPLATE, letter(name="Sam \U0010fffd Doe"), LONDON)
    assert "Sam" not in str(refused.value)


def test_without_the_program_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name == "typst":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(LetterNotMade, match="Letters cannot be made here"):
        printed(TEMPLATE, letter(), LONDON)


def test_it_is_a_file_of_the_installation() -> None:
    assert Path(data_folder("smart_app") / "letter.typ").is_file()
