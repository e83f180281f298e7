"""Friday, five to six: a referral is sent, nobody is there, and somebody hears. The clock is passed in."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import BrowserContext
from sheet import send, told

from ipvscreen.app import notices_of
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.hearing import Cause
from ipvscreen.web.watch import Watch

GP, DUTY = "dr-osei", "dr-marsh"
FRIDAY = datetime(2026, 3, 6, 17, 55, tzinfo=UTC)
MONDAY = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
QUARTER, FOUR_HOURS = timedelta(minutes=15), datetime(2026, 3, 9, 11, 25, tzinfo=UTC)


@dataclass
class Clock:
    """What everybody's watch says: the app's, the record system's, the service's."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at


def test_friday_five_to_six(
    another: Callable[..., Any], context: BrowserContext, make_clinician: Callable[..., Any]
) -> None:
    """Given a service that is down; then it is on the list in time, the mailbox says so, and it is rung."""
    clock = Clock(FRIDAY)
    running = another(clock=clock)
    rooms, charity = running.rooms, running.demo.charity.state.sandbox
    watch = Watch(rooms, notices_of(running.demo.settings, rooms))
    gp = make_clinician(context.new_page(), running)
    charity.switches.refuse = 503
    told(gp, "anna-woman", {"children-or-pregnant": "none", "help-now": "legal"}, examined=True)
    send(gp, "specialist")
    assert "Received by" not in gp.text()
    clock.at += QUARTER - timedelta(minutes=1)
    running.do(watch.run_once())
    assert running.do(rooms.store.alerts.open("sandbox")) == [], "the control: it is not late yet"
    clock.at += timedelta(minutes=2)
    gp.page.reload()
    gp.see("sent")
    assert "still not received by Harbour service: do not wait for it, ring 020 7946 0023 now" in gp.text()
    gp.click("a:has-text('Finish')")
    gp.see("finish")
    gp.primary()
    gp.page.wait_for_url(running.demo.clinic)

    seen = []
    while clock.at < FOUR_HOURS:
        running.do(watch.run_once())
        (alert,) = running.do(rooms.store.alerts.open("sandbox"))
        seen.append((clock.at, len(running.demo.mailbox.messages)))
        clock.at += timedelta(minutes=15) if clock.at >= MONDAY else MONDAY - clock.at
    assert alert.cause is Cause.UNRECEIVED
    assert seen[0] == (FRIDAY + QUARTER + timedelta(minutes=1), 0), "on the list, and nobody is fetched"
    assert [number for at, number in seen if at >= MONDAY][-1] == 1, "told once, within four working hours"

    (mail,) = running.demo.mailbox.messages
    (link,) = re.findall(rb"http://\S+/n/[\w-]{43}", mail)
    assert b"Whitfield" not in mail
    clock.at = seen[-1][0]
    duty = make_clinician(context.new_page(), running)
    duty.page.goto(link.decode())
    duty.see("door")
    assert "Open the list from your record system" in duty.text()
    duty.open_list(DUTY)
    for words in (
        "Anna Whitfield",
        "Not received by Harbour service. Ring 020 7946 0023, and",
        "tell Dr Grace Osei",
    ):
        assert words in duty.text()
    assert "Friday 6 March, 17:55" in duty.text()
    duty.page.select_option("select[name=done]", "rang-service")
    duty.click("button:has-text('Seen to')")
    duty.page.wait_for_selector("text=Nothing is waiting for the practice.")
    duty.see("list")
    duty.click("header a:has-text('Exit')")
    duty.page.wait_for_url(running.demo.clinic)

    async def acts() -> list[tuple[Act, str, str]]:
        rows = [row async for row in rooms.store.audit.entries()]
        return [(row.act, row.subject.user, row.subject.patient_id) for row in rows]

    assert running.do(acts()).count((Act.SEEN_TO, f"Practitioner/{DUTY}", "anna-woman")) == 1
    (kept,) = running.do(rooms.store.alerts.of_visit(alert.visit_id))
    assert (kept.seen_by, kept.done) == (f"Practitioner/{DUTY}", "rang-service")

    charity.switches.refuse = None
    clock.at += timedelta(hours=2)
    running.do(rooms.dispatcher.run_once())
    assert len(charity.received()) == 1, "it was lost at no time"
