"""Two apps, one Postgres and one address: a whole visit, whichever answers; also when one has gone."""

import asyncio
import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from balancer import Balancer, balancer
from delivering import service
from postgres import Server

from ipvscreen.app import import_services
from ipvscreen.sandbox.directory import services_bundle
from ipvscreen.settings import Settings

NO, YES = "LA32-8", "LA33-6"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
POSITIVE = dict.fromkeys(HARK, NO) | {HARK[1]: YES}
QUICK = {"safe-today": "yes", "neck": "no", "suicide": "no", "flag": "yes"}
SHEET = {"service": "specialist", "way": "phone", "number": "07700 900123", "out": "yes", "back": "no"}
SHEET |= {"until": (datetime.now(UTC) + timedelta(days=90)).date().isoformat()}


@dataclass
class Hosts:
    """Two apps behind a balancer, their record system, and where the service keeps what it took."""

    front: Balancer
    apps: list[Any]
    system: Any
    service: Any


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory, running: Any, postgres: Server) -> Iterator[Hosts]:
    name, tmp_path = postgres.new(), tmp_path_factory.mktemp("hosts")
    with ExitStack() as stack:
        front, to = stack.enter_context(balancer()), stack.enter_context(service(0.0))
        top = {"public_url": front.url, "database": postgres.url(name)}
        keys = {"one": running.fresh_key()}
        north = stack.enter_context(running.record_system("north", front.url, tmp_path / "north.log"))
        apps = []
        for each in ("a", "b"):
            (tmp_path / each).mkdir()
            app = stack.enter_context(running.app_in(tmp_path / each, top=top, keys=keys))
            app.add(north)
            app.write()
            apps.append(app)
        settings = Settings(public_url=front.url, database=top["database"], key="one", keys=keys)
        bundle = services_bundle(f"{to.url}/0")
        asyncio.run(import_services(settings, bundle))
        front.behind = [app.port for app in apps]
        for app in apps:
            app.start(workers=1, ready=False)
        for app in apps:
            running.until(lambda app=app: app.events("workers.started"))
        yield Hosts(front, apps, north, to)
    postgres.drop(name)


async def refers(hosts: Hosts, visiting: Any, clinician: str, *, halfway: Any = None) -> tuple[Any, Any]:
    """From the record system's button until the referral is on its way, each request by a new connection."""
    browser = visiting.Visitor(fresh=True)
    page = await browser.first_question(hosts.system.launch, clinician=clinician)
    assert visiting.asked(page), page.text
    page = await browser.post(page, **POSITIVE)
    assert page.url.path.endswith("/respond"), page.text
    if halfway:
        await asyncio.to_thread(halfway)
    page = await browser.post(page, **QUICK)
    page = await browser.get(str(page.url.join("refer")))
    page = await browser.post(page, **SHEET)
    assert page.url.path.endswith("/sent"), page.text
    return browser, page


async def until_received(browser: Any, page: Any) -> str:
    for _ in range(600):
        found = await browser.get(str(page.url))
        if "Received by" in found.text:
            return " ".join(re.sub(r"<[^>]+>", " ", found.text).split())
        await asyncio.sleep(0.1)
    raise TimeoutError(found.text)


async def test_a_whole_visit_whichever_of_them_answers(hosts: Hosts, visiting: Any) -> None:
    browser, page = await refers(hosts, visiting, "dr-osei")
    assert "Received by" in await until_received(browser, page)
    await browser.http.aclose()

    told = hosts.service.told()
    assert len(told["held"]) == 1
    taken = [hosts.front.taken.get(app.port, 0) for app in hosts.apps]
    assert min(taken) > 2, "both have had their part in it"
    assert len(hosts.system.search("ServiceRequest", patient="anna-woman")) == 1


async def test_the_other_goes_on_where_one_is_killed(hosts: Hosts, running: Any, visiting: Any) -> None:
    gone, stays = hosts.apps
    before, taken = len(hosts.service.told()["held"]), hosts.front.taken.get(stays.port, 0)

    def killed() -> None:
        workers = gone.workers()
        gone.signal(signal.SIGKILL)
        gone.process.wait()
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        running.until(lambda: not running.answers(f"{gone.origin}/healthz"))

    browser, page = await refers(hosts, visiting, "dr-1", halfway=killed)
    assert "Received by" in await until_received(browser, page)
    await browser.http.aclose()
    assert len(hosts.service.told()["held"]) == before + 1
    assert hosts.front.taken[stays.port] > taken + 4
