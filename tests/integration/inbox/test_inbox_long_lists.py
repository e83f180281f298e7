"""A thousand of everything: a page stays short, and hides nothing that must not wait."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, select

from ipvscreen.ipv.case import CaseState
from ipvscreen.ipv.referral import ReferralState
from ipvscreen.resources.directory import kept_service, resource_of
from ipvscreen.store.case_rows import case_to_json
from ipvscreen.store.case_tables import cases as case_table
from ipvscreen.store.engine import writing
from ipvscreen.store.sealed import SealedTable
from ipvscreen.store.tables import referrals, services
from ipvscreen.store.tables_inbox import organisations
from ipvscreen.web.long_lists import PER_PAGE, part_of

MANY = 1000
EHR = "https://ehr.test"


@pytest.fixture
async def crowded(cases: Any) -> Any:
    """A thousand referrals of one visit that nobody has received, as cases in Harbour's inbox, and more."""
    store, now = cases.town.store, cases.town.now
    (kept,) = (await store.cases.of_referrals([cases.own])).values()
    referral = await store.referrals.get(cases.own)
    urgent = {7, 400, 999}
    rows, held = [], []
    sealed = SealedTable(store._ring, case_table.name)
    async with writing(store._engine) as connection:
        row = dict(
            (await connection.execute(select(case_table).where(case_table.c.id == cases.own)))
            .mappings()
            .one()
        )
        for at in range(MANY):
            key, since = f"many-{at:04}", now - timedelta(minutes=20 + at)
            state = CaseState.OPENED if at % 2 else CaseState.DELIVERED
            one = replace(kept.case, key=key, urgent=at in urgent, taken_in=since, state=state)
            plain = row | {"id": key, "referral_id": key, "taken_in_at": since, "state": state}
            held.append(plain | {"body": sealed.seal("body", key, case_to_json(one))})
            waits = replace(
                referral, id=key, state=ReferralState.QUEUED, urgent=at in urgent, queued_at=since
            )
            rows.append(store.referrals._columns(waits))
        await connection.execute(insert(referrals), rows)
        await connection.execute(insert(case_table), held)
        homes = SealedTable(store._ring, organisations.name)
        naming = [{"name": f"House {at:04}", "phone": "020 7946 0123"} for at in range(MANY)]
        made = [
            {"id": f"{at:032x}", "name_index": f"{at}", "body": homes.seal("body", f"{at:032x}", name)}
            for at, name in enumerate(naming)
        ]
        await connection.execute(insert(organisations), made)
    mothers = kept_service((await store.services.all())[0])
    more = [resource_of(replace(mothers, id=f"s{at}", name=f"Service {at}")) for at in range(MANY)]
    directory = SealedTable(store._ring, services.name)
    bodies = [
        {"id": one["id"], "position": 100 + at, "body": directory.seal("body", one["id"], one)}
        for at, one in enumerate(more)
    ]
    async with writing(store._engine) as connection:
        await connection.execute(insert(services), bodies)
    return cases


def references(page: httpx.Response) -> list[str]:
    return re.findall(r"/i/cases/([\w-]+)\"", page.text)


def entries(page: httpx.Response) -> list[str]:
    return re.findall(r'name="entry" value="(\w+)"', page.text)


async def walk(browser: httpx.AsyncClient, path: str, rows: Any) -> list[list[str]]:
    """The rows of each page, by its link to the next."""
    found = []
    while path:
        page = await browser.get(path)
        assert page.status_code == 200
        found.append(rows(page))
        on = re.findall(r'<a href="([^"]+)">Next page</a>', page.text)
        assert len(set(on)) <= 1
        path = on[0] if on else ""
    return found


async def test_a_page_of_a_thousand_is_short_and_says_what_must_not_wait(crowded: Any) -> None:
    await of_a_service(crowded)
    await of_the_practice(crowded.town)
    await of_stewards(crowded.town.people["Sam"])


async def of_a_service(crowded: Any) -> None:
    cora = crowded.town.people["Cora"].browser
    first = await cora.get("/i/cases")
    assert "1001 are open: 3 urgent, 501 that nobody has opened yet. These come first." in first.text
    pages = await walk(cora, "/i/cases", references)
    every = [key for page in pages for key in page]
    assert [len(page) for page in pages] == [PER_PAGE] * 20 + [1]
    assert len(set(every)) == len(every) == MANY + 1
    assert every[:3] == ["many-0400", "many-0999", "many-0007"], "urgent, and not opened before opened"
    unopened = [key for key in every[3:] if key == crowded.own or int(key[-4:]) % 2 == 0]
    assert every[3 : 3 + len(unopened)] == unopened, "what nobody has opened before what somebody has"
    assert unopened[0] == "many-0998", "the longest first"
    for asked, at in (("21", 20), ("99", 20), ("2", 1), ("0", 0), ("-1", 0), ("\u00b2", 0), ("1e3", 0)):
        assert references(await cora.get("/i/cases", params={"page": asked})) == pages[at], asked


async def of_the_practice(town: Any) -> None:
    """Members have heard of what was shown, and of nothing else."""
    async with town.house.browser() as browser:
        first = await browser.get(f"{EHR}/launch/list", params={"clinician": "dr-marsh"})
        found = re.search(r"(\d+) are waiting: (\d+) urgent, (\d+) for a working day or longer", first.text)
        assert found is not None
        alerts = await town.store.alerts.open("sandbox")
        assert found[1] == str(len(alerts))
        assert len(alerts) >= MANY
        assert found[2] == str(sum(one.urgent for one in alerts)) != "0"
        shown = {one.id for one in alerts if one.shown_at}
        assert shown == set(entries(first))
        assert len(shown) == PER_PAGE
        assert {one.id for one in alerts if one.urgent} <= shown
        (on,) = set(re.findall(r'<a href="([^"]+)">Next page</a>', first.text))
        second = await browser.get(on)
        assert len(entries(second)) == PER_PAGE
        assert not set(entries(second)) & shown
        (back,) = set(re.findall(r'<a href="([^"]+)">Page before</a>', second.text))
        assert entries(await browser.get(back)) == entries(first)
    since = {one.id: one.since for one in alerts}
    both = [since[one] for one in (*entries(first), *entries(second)) if one in since]
    rest = [one.since for one in alerts if one.id not in {*entries(first), *entries(second)}]
    assert max(both[3:]) <= min(rest), "the longest first"


async def of_stewards(sam: Any) -> None:
    await sam.get("/i/services?page=10")
    await sam.post("/i/services", service="s400", endpoint="https://n.test/fhir")
    first = await sam.get("/i/services")
    assert re.search(r"Referrals wait at 1 of \d+ services. These come first.", first.text)
    listed = re.findall(r'name="service" value="([\w-]+)"', first.text)
    assert listed[0] == "s400"
    assert len(listed) == len(re.findall(r'name="organisation" value', first.text)) == PER_PAGE
    homes = await sam.get("/i/organisations")
    assert len(re.findall(r"<li><strong>", homes.text)) <= PER_PAGE + 1
    assert "Page 1 of 21, 1002 in all" in sam.text
    await sam.get("/i/organisations?page=21")
    assert "Page 21 of 21" in sam.text
    assert "Meadow" in sam.text


def parts() -> Iterator[tuple[int, str, tuple[int, int, int | None, int | None]]]:
    yield 0, "", (0, 1, None, None)
    yield PER_PAGE, "2", (PER_PAGE, 1, None, None)
    yield PER_PAGE + 1, "", (PER_PAGE, 1, None, 2)
    yield PER_PAGE + 1, "2", (1, 2, 1, None)
    yield 3 * PER_PAGE, "2", (PER_PAGE, 2, 1, 3)


@pytest.mark.parametrize(("rows", "asked", "expected"), list(parts()))
def test_a_part_of_a_list(rows: int, asked: str, expected: tuple[int, ...]) -> None:
    part = part_of(range(rows), {"page": asked})

    assert (len(part.rows), part.number, part.before, part.after) == expected
    assert part.total == rows
