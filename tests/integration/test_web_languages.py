"""The language of every answer: of the record system where it is known, else English."""

import re
from typing import Any

import pytest

from ipvscreen.settings import Numbers

ABROAD = Numbers(emergency="112", silent="112", helpline="0800 2000", lead=None, advocate=None)


@pytest.fixture
async def dutch(houses: Any) -> Any:
    """The house for a record system of the Netherlands."""
    return await houses(locale="nl-NL", pack="nl", numbers=ABROAD)


def lang(page: Any) -> str:
    return re.search(r'<html lang="([^"]*)"', page.text)[1]


async def test_a_failure_is_told_in_the_language_of_the_visit(dutch: Any) -> None:
    visitor = await dutch.visitor().launch("anna-woman")
    assert (lang(visitor.page), visitor.step) == ("nl-NL", "start")

    await visitor.get("sent")
    assert (visitor.page.status_code, lang(visitor.page)) == (409, "nl-NL")
    assert "Deze stap is nu niet mogelijk" in visitor.text

    other = await dutch.browser().get(f"/v/{visitor.visit}/start")
    assert (other.status_code, lang(other)) == (404, "nl-NL")
    assert "Deze pagina is niet beschikbaar" in other.text


async def test_where_the_record_system_is_not_known_it_is_english(dutch: Any) -> None:
    for path in ("/v/nothing/start", "/launch?iss=https://nobody.example", "/nothing"):
        page = await dutch.browser().get(path)
        assert (page.status_code >= 400, lang(page)) == (True, "en"), path


async def test_what_is_wrong_with_a_sheet_is_told_in_that_language_after_it_was_stored(dutch: Any) -> None:
    visitor = await dutch.visitor().launch("anna-woman")
    await visitor.post({"door": "told"})
    await visitor.post({"safe-today": "yes", "neck": "no", "suicide": "no"})
    assert visitor.step == "refer"
    await visitor.post({"number": "1"})

    assert "Kies een dienst." in visitor.text
    assert "Geef aan of de dienst het u mag laten weten." in visitor.text
    assert "Choose" not in visitor.text


async def test_a_list_and_the_way_out_are_in_that_language(dutch: Any) -> None:
    visitor = await dutch.visitor().launch("anna-woman")
    cover = await visitor.browser.get(f"/v/{visitor.visit}/cover")

    assert lang(cover) == "nl-NL"
    assert "Slaap en beweging" in cover.text
    assert "<title>Gezondheidsvragenlijst</title>" in cover.text


async def test_what_a_name_happens_to_spell_is_not_translated(dutch: Any) -> None:
    """A patient called "Sent" stays "Sent"."""
    rooms = dutch.app.state.rooms
    page = rooms.templates["nl-NL"].from_string("{{ name }} {{ _('Sent') }}").render(name="Sent")

    assert page == "Sent Verzonden"
