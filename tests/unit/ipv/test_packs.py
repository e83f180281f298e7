"""Which forms make a visit: the shipped packs, and what a packs file may not hold."""

import copy
import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ipvscreen.ipv.packs import Pack, Packs, When, check_packs
from ipvscreen.ipv.packs_file import PAGE_FIELDS, Shelf, packs_of
from ipvscreen.ipv.person import Setting
from ipvscreen.sdc.form import Form
from ipvscreen.sdc.load import load_form

FILE = Path(__file__).parents[3] / "questionnaires" / "packs.toml"
SHIPPED = tomllib.loads(FILE.read_text("utf-8"))
GP: dict[str, Any] = {
    "settings": ["gp"],
    "locale": "en-GB",
    "ask": [{"form": "hark"}, {"form": "aas-1", "when": "when-all-no"}],
    "today": ["quick"],
}
Own = Callable[..., Form]


@pytest.fixture(scope="module")
def shipped(forms: dict[str, Form]) -> Packs:
    """As they are shipped; no reviewer has signed a translation."""
    return packs_of(SHIPPED, Shelf(forms))


@pytest.fixture(scope="session")
def own(documents: dict[str, dict[str, Any]]) -> Own:
    """A deployer's own form, with that linkId and in that language."""

    def made(link_id: str = "sleep", language: str | None = "en", name: str = "Sleep") -> Form:
        body = copy.deepcopy(documents["aas-1"]) | {
            "name": name,
            "title": "Sleep",
            "url": "https://x.test/sleep",
        }
        body["language"] = language or ""
        if language is None:
            del body["language"]
        body["item"][0]["linkId"] = link_id
        return load_form(body)

    return made


def one(forms: dict[str, Form], *own: Form, reviewed: Any = (), **changes: Any) -> Pack:
    """A pack of a general practice with these changes, beside a deployer's own forms."""
    shelf = Shelf(forms | {form.name: form for form in own}, reviewed, [form.name for form in own])
    return packs_of({"pack": {"mine": GP | changes}}, shelf).by_name["mine"]


@pytest.mark.parametrize(
    ("name", "settings", "ask", "reason"),
    [
        ("gp", {Setting.GP}, [("hark", When.ALWAYS), ("aas-1", When.ALL_NO)], True),
        ("gp-routine", {Setting.GP}, [("hark", When.ALWAYS), ("aas-1", When.ALL_NO)], False),
        ("antenatal", {Setting.ANTENATAL}, [("aas", When.ALWAYS)], False),
        ("mental-health", {Setting.MENTAL_HEALTH}, [("hark", When.ALWAYS), ("aas-1", When.ALWAYS)], False),
        ("nl", set(Setting), [], False),
        ("qc", set(Setting), [], False),
    ],
)
def test_the_shipped_packs(
    shipped: Packs, name: str, settings: set[Setting], ask: list[tuple[str, When]], reason: bool
) -> None:
    pack = shipped.by_name[name]
    assert pack.settings == settings
    assert [(one.form.name, one.when) for one in pack.ask] == ask
    assert [form.name for form in pack.today] == ["quick"]
    assert pack.reason is reason
    assert pack.age_from == 16
    assert pack.name == name


def test_each_form_of_a_page_is_known_by_name(shipped: Packs) -> None:
    gp = shipped.by_name["gp"]
    assert [form.name for form in gp.asked()] == ["hark", "aas-1"]
    assert [form.name for form in gp.shown()] == ["hark", "aas-1", "quick"]
    for each in gp.more:
        assert gp.further(each.form.name) is each.form
    assert gp.further("hark") is gp.further(None) is None


def test_long_ago_is_asked_in_mental_health_alone(shipped: Packs) -> None:
    asking = {name for name, pack in shipped.by_name.items() if pack.further("past")}
    assert asking == {"mental-health"}


def test_an_instrument_without_a_reviewed_translation_is_not_asked(shipped: Packs) -> None:
    for name, language in (("nl", "Dutch"), ("qc", "French")):
        pack = shipped.by_name[name]
        assert not pack.ask
        assert pack.refused[0].startswith(f"There is no reviewed {language} version of every form")
        assert pack.today[0].language is not None
    assert shipped.by_name["gp"].refused == ()
    assert (shipped.by_name["nl"].language, shipped.by_name["qc"].language) == ("nl", "fr")


def test_a_signed_translation_that_is_not_there_opens_nothing(forms: dict[str, Form]) -> None:
    pack = one(forms, reviewed={("hark", "nl"), ("aas-1", "nl")}, locale="nl-NL")
    assert not pack.ask, "the words themselves are English"


def _dutch(body: dict[str, Any]) -> dict[str, Any]:
    """Every word of a Questionnaire with a (made-up) translation."""
    url = "http://hl7.org/fhir/StructureDefinition/translation"

    def with_words(node: Any) -> Any:
        if isinstance(node, list):
            return [with_words(part) for part in node]
        if not isinstance(node, dict):
            return node
        made = {key: with_words(value) for key, value in node.items()}
        for key in ("text", "title", "display"):
            if isinstance(node.get(key), str):
                parts = [
                    {"url": "lang", "valueCode": "nl"},
                    {"url": "content", "valueString": f"NL {node[key]}"},
                ]
                made[f"_{key}"] = {"extension": [{"url": url, "extension": parts}]}
        return made

    return with_words({key: value for key, value in body.items() if key != "code"}) | {"code": body["code"]}


def test_a_signed_translation_is_asked_in_its_own_words(
    forms: dict[str, Form], documents: dict[str, dict[str, Any]]
) -> None:
    dutch = {name: load_form(_dutch(documents[name])) for name in ("hark", "aas-1")}
    signed = one(forms | dutch, reviewed={("hark", "nl")}, locale="nl-NL")
    assert [asked.form.name for asked in signed.ask] == ["hark"], "the item beside it was not signed"
    assert all(item.text.startswith("NL ") for item in signed.ask[0].form.questions())
    assert len(signed.refused) == 1
    assert not one(forms | dutch, locale="nl-NL").ask, "nobody has signed"


def test_a_form_of_its_own_language_needs_no_translation(forms: dict[str, Form], own: Own) -> None:
    mine = own(language="nl-BE", name="Slaap")
    dutch = one(forms, mine, locale="nl-NL")
    assert [more.form for more in dutch.more] == [mine]
    english = one(forms, mine)
    assert (english.more, english.refused) == ((), ("Left out, not in English: Sleep.",))
    assert one(forms, mine, locale="xx").refused[-1] == "Left out, not in xx: Sleep."


def test_a_dropped_form_has_a_page_of_its_own_in_every_pack_that_speaks_it(
    forms: dict[str, Form], own: Own
) -> None:
    mine = own()
    packs = packs_of(SHIPPED, Shelf(forms | {"sleep": mine}, own=["sleep"]))
    having = {name for name, pack in packs.by_name.items() if pack.further("sleep")}
    assert having == {"gp", "gp-routine", "antenatal", "mental-health"}
    assert packs.by_name["gp"].more[-1].label == "Sleep"


def test_a_dropped_form_that_a_pack_names_stands_there_alone(forms: dict[str, Form], own: Own) -> None:
    mine = own()
    document = {
        "pack": {"a": GP, "b": GP | {"more": [{"form": "sleep", "label": "How is your sleep?"}]}, "c": GP}
    }
    packs = packs_of(document, Shelf(forms | {"sleep": mine}, own=["sleep"])).by_name
    assert [more.label for more in packs["b"].more] == ["How is your sleep?"]
    assert packs["a"].more == packs["c"].more == ()
    beside = one(forms, mine, ask=[{"form": "hark"}, {"form": "sleep"}])
    assert [asked.form.name for asked in beside.ask] == ["hark", "sleep"]


def test_a_form_that_says_no_language_is_english(forms: dict[str, Form], own: Own) -> None:
    assert one(forms, own(language=None)).further("sleep")


def test_use_of_violence_is_refused_in_every_pack_of_a_victims_visit(forms: dict[str, Form]) -> None:
    for body in (
        GP | {"ask": [{"form": "hark"}, {"form": "use"}]},
        GP | {"more": [{"form": "use", "label": "More"}]},
        GP | {"today": ["use"]},
    ):
        with pytest.raises(ValueError, match=r"pack\.p: 'use' has a pathway of its own"):
            packs_of({"pack": {"p": body}}, Shelf(forms))
    named = {form.name for pack in packs_of(SHIPPED, Shelf(forms)).by_name.values() for form in pack.shown()}
    assert "use" not in named


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tomorrow": []}, "'tomorrow' is not known"),
        ({"settings": ["dentist"]}, "dentist"),
        ({"settings": None}, "not what it should be"),
        ({"ask": []}, "first form of 'ask' must be one of hark, aas-1, aas"),
        ({"ask": [{"form": "quick"}]}, "first form of 'ask' must be one of"),
        ({"ask": [{"form": "nothing"}]}, "there is no form 'nothing'"),
        ({"ask": [{}]}, "'form' is missing"),
        ({"ask": ["hark"]}, "not what it should be"),
        ({"ask": [{"form": "hark", "when": "always", "who": "me"}]}, "'who' is not known"),
        ({"ask": [{"form": "hark", "when": "sometimes"}]}, "sometimes"),
        ({"ask": [{"form": "hark", "when": "when-all-no"}]}, "first form of 'ask' shows always"),
        ({"ask": [{"form": "hark"}, {"form": "hark"}]}, "'hark' is named twice"),
        ({"ask": [{"form": "aas"}, {"form": "aas-1"}]}, "'aas-1' has an item 'aas-1', as has 'aas'"),
        ({"today": []}, r"'today' must be \['quick'\]"),
        ({"today": ["hark"]}, r"'today' must be \['quick'\]"),
        ({"more": [{"form": "aas"}]}, "'label' is missing"),
        ({"more": [{"form": "aas", "label": "A", "colour": "red"}]}, "'colour' is not known"),
        ({"more": [{"form": "hark", "label": "A"}]}, "'hark' is named twice"),
        ({"more": [{"form": "aas", "label": ""}]}, "'label' must be words"),
        ({"reason": "yes"}, "'reason' must be true or false"),
        ({"age_from": 15}, "whole number from 16 on"),
        ({"age_from": True}, "whole number from 16 on"),
        ({"age_from": "18"}, "whole number from 16 on"),
        ({"locale": 3}, "'locale' must be words"),
        ({"locale": ""}, "'locale' must be words"),
    ],
)
def test_what_a_pack_may_not_say(forms: dict[str, Form], changes: dict[str, Any], words: str) -> None:
    assert one(forms).ask
    with pytest.raises(ValueError, match=rf"^pack\.mine: .*{words}"):
        one(forms, **changes)


@pytest.mark.parametrize("missing", ["settings", "locale", "ask", "today"])
def test_what_a_pack_must_say(forms: dict[str, Form], missing: str) -> None:
    body = {key: value for key, value in GP.items() if key != missing}
    with pytest.raises(ValueError, match=rf"^pack\.mine: '{missing}' is missing"):
        packs_of({"pack": {"mine": body}}, Shelf(forms))


@pytest.mark.parametrize("document", [{}, {"pack": []}, {"pack": {}, "packs": {}}, {"pack": {"gp": 3}}])
def test_what_is_no_file_of_packs(forms: dict[str, Form], document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="pack"):
        packs_of(document, Shelf(forms))


@pytest.mark.parametrize("field", sorted(PAGE_FIELDS))
def test_a_control_of_the_page_keeps_its_name(forms: dict[str, Form], own: Own, field: str) -> None:
    with pytest.raises(ValueError, match=f"'sleep' has an item '{field}', as has the page itself"):
        one(forms, own(link_id=field))


def test_the_same_item_may_stand_on_two_pages(forms: dict[str, Form], own: Own) -> None:
    """A form with a page of its own is never posted together with another."""
    mine = own(link_id="76500-8")
    assert one(forms, mine).further("sleep")
    with pytest.raises(ValueError, match="'sleep' has an item '76500-8', as has 'hark'"):
        one(forms, mine, ask=[{"form": "hark"}, {"form": "sleep"}])


def test_a_reason_and_an_age(forms: dict[str, Form]) -> None:
    pack = one(forms, reason=True, age_from=18)
    assert (pack.reason, pack.age_from) == (True, 18)


@pytest.mark.parametrize(
    ("name", "setting", "locale", "found"),
    [
        (None, Setting.GP, "en-GB", "gp"),
        (None, Setting.ANTENATAL, "en-GB", "antenatal"),
        (None, Setting.MENTAL_HEALTH, "en-GB", "mental-health"),
        (None, Setting.GP, "nl-NL", "nl"),
        ("gp-routine", Setting.GP, "en-GB", "gp-routine"),
        ("gp-routine", Setting.ANTENATAL, "en-GB", "antenatal"),
        ("nl", Setting.ANTENATAL, "en-GB", "nl"),
        ("qc", Setting.GP, "en-GB", "qc"),
    ],
)
def test_the_pack_of_a_visit(
    shipped: Packs, name: str | None, setting: Setting, locale: str, found: str
) -> None:
    assert shipped.of(name, setting, locale).name == found


def test_a_deployment_learns_at_start_that_a_setting_has_no_pack(shipped: Packs) -> None:
    check_packs(shipped, None, "en-GB")
    check_packs(shipped, "nl", "en-GB")
    with pytest.raises(ValueError, match="'uk' names no pack; there are gp, gp-routine"):
        check_packs(shipped, "uk", "en-GB")
    with pytest.raises(ValueError, match="no pack is for gp in de-DE"):
        check_packs(shipped, None, "de-DE")
    check_packs(shipped, None, "en-GB", "wales")
    with pytest.raises(ValueError, match="'cornwall' names no nation; there are england, wales"):
        check_packs(shipped, None, "en-GB", "cornwall")
    alone = Packs({"gp": replace(shipped.by_name["gp"], locale="cy-GB")})
    with pytest.raises(ValueError, match="no pack is for antenatal in cy-GB"):
        check_packs(alone, "gp", "en-GB")


def test_a_pack_says_for_how_long_what_is_agreed_holds_and_whether_a_release_is_required(
    shipped: Packs, forms: dict[str, Form]
) -> None:
    british = [pack for pack in shipped.by_name.values() if pack.locale == "en-GB"]
    assert {(pack.agreed_months, pack.release_required) for pack in british} == {(6, False)}
    assert len(british) == 4
    assert one(forms).agreed_months == 6, "where a pack says nothing"
    american = one(forms, agreed_months=3, release_required=True)
    assert (american.agreed_months, american.release_required) == (3, True)
    assert {pack.review_days for pack in british} == {28}
    assert [one(forms).review_days, one(forms, review_days=366).review_days] == [28, 366]


def test_a_pack_for_the_united_states_says_all_that_its_law_asks_for(forms: dict[str, Form]) -> None:
    """It is a draft, and where nobody has signed an instrument's words the door is shut and says so."""
    file = Path(__file__).parents[2] / "united_states" / "packs.toml"
    packs = packs_of(tomllib.loads(file.read_text("utf-8")), Shelf(forms))
    english, spanish = packs.of("us", Setting.GP, "en-GB"), packs.of("us-es", Setting.GP, "en-GB")
    assert [one.release_required for one in (english, spanish)] == [True, True]
    assert (english.agreed_months, english.review_days) == (3, 14)
    assert [form.name for form in english.asked()] == ["aas"]
    assert spanish.ask == ()
    assert "There is no reviewed Spanish version" in spanish.refused[0]
    assert all(one.draft for one in (english, spanish, packs.nations["united-states"]))


def test_whatever_nobody_has_signed_is_a_draft_and_all_that_ships_is(
    shipped: Packs, forms: dict[str, Form]
) -> None:
    assert all(one.draft for one in (*shipped.by_name.values(), *shipped.nations.values()))
    signed = {"signed_by": "A lawyer of that place", "signed_on": date(2026, 1, 31)}
    assert not one(forms, **signed).draft


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"signed_by": "A lawyer"}, "'signed_on' is missing"),
        ({"signed_on": date(2026, 1, 31)}, "'signed_by' is missing"),
        ({"signed_by": " ", "signed_on": date(2026, 1, 31)}, "'signed_by' must be words"),
        ({"signed_by": "A lawyer", "signed_on": "soon"}, "'signed_on' must be a day"),
        ({"agreed_months": 0}, "from 1 to 12"),
        ({"agreed_months": 13}, "from 1 to 12"),
        ({"agreed_months": True}, "from 1 to 12"),
        ({"agreed_months": "6"}, "from 1 to 12"),
        ({"review_days": 0}, "from 1 to 366"),
        ({"review_days": 367}, "from 1 to 366"),
        ({"release_required": 1}, "'release_required' must be true or false"),
        ({"reason": "yes"}, "'reason' must be true or false"),
    ],
)
def test_what_cannot_be_meant_is_refused(forms: dict[str, Form], changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        one(forms, **changes)
