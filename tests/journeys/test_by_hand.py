"""A service that nothing can be sent to: the letter is printed, and then somebody there is told."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ipvscreen.ipv.by_hand import ByHand
from ipvscreen.ipv.services import Kind, Service
from ipvscreen.resources.directory import resource_of

HARBOUR = Service(
    id="harbour",
    kind=Kind.SPECIALIST,
    name="Harbour",
    short_name="Harbour",
    for_whom="Adults.",
    hours="weekdays 9 to 17",
    phone="01632 960 555",
    reply_hours=48,
    endpoint="",
    by_hand=frozenset(ByHand),
    contact_rules_signed=date(2026, 1, 5),
)


@pytest.fixture
def by_hand(running: Any) -> Iterator[None]:
    """A directory with one service more, which nothing can be sent to."""
    services = running.rooms.store.services
    before = running.do(services.all())
    running.do(services.replace([*before, resource_of(HARBOUR)]))
    yield
    running.do(services.replace(before))


@pytest.mark.usefixtures("by_hand")
def test_the_letter_is_printed_and_then_the_service_is_told_by_telephone(clinician: Any) -> None:
    c = clinician
    c.examined = False  # the pages up to here are looked at elsewhere
    c.launch("nadia-woman")
    c.door("told")
    c.see("respond")
    c.answer({"safe-today": "yes", "neck": "no", "suicide": "no"})
    c.primary()
    c.see("refer")
    for name, value in (("service", "harbour"), ("way", "phone"), ("out", "yes"), ("back", "yes")):
        c.choose(name, value)
    c.type("number", "07700 900123")
    c.primary()
    c.examined = True
    c.see("sent")
    assert "Not sent yet: hand it over to Harbour, or ring 01632 960 555." in c.text()
    number = c.page.get_by_text("07700 900123", exact=True)
    assert number.count() == 1
    assert not number.is_visible(), "it is folded until somebody rings"

    c.click("summary:has-text('By letter')")
    with c.page.expect_download() as download:
        c.click("a[download]")
    assert download.value.suggested_filename == "letter.pdf"
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-1.7")
    assert "Not sent yet" in c.text()

    c.click("summary:has-text('By telephone')")
    c.see("sent")
    assert number.is_visible()
    c.page.fill("#t-to-1", "Ms Reed")
    c.click("button[value='telephone']")
    c.page.wait_for_selector("text=Harbour: told by telephone to Ms Reed")
    c.see("sent")
    assert "Not sent yet" not in c.text()
