"""purge, forget and export, as an operator types them, on a store with two people's visits."""

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ipvscreen.app import ring_of
from ipvscreen.cli import main
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.case import CaseEvent, CaseRole
from ipvscreen.ipv.case_codes import Decline
from ipvscreen.ipv.case_step import Step
from ipvscreen.ipv.children import ChildNeed, ChildPlan
from ipvscreen.ipv.conflict import Answer, Facts
from ipvscreen.ipv.draft import Draft, Known
from ipvscreen.ipv.hearing import Cause, Done, Due, Fact
from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.ipv.proxies import Contacts, Way
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, ReferralState, SafeContact
from ipvscreen.ipv.retention import Days
from ipvscreen.ipv.visit import VisitState
from ipvscreen.pathway.purge import Purger
from ipvscreen.resources.plan import WritePlan
from ipvscreen.resources.written import Check, Written, WrittenOne
from ipvscreen.settings import Settings
from ipvscreen.store.audit import Subject
from ipvscreen.store.facade import Store, open_store
from ipvscreen.store.grant import Grant
from ipvscreen.store.outbox import NewJob
from ipvscreen.store.referrals import Referral
from ipvscreen.store.visits import Visit

SETTINGS = """
public_url = "https://app.example.org"
database = "sqlite+aiosqlite:///{folder}/store.db"
key = "one"

[keys]
one = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

[[ehr]]
name = "north"
iss = "https://ehr.example.org/fhir"
client_id = "app"
exit_url = "https://ehr.example.org/"

[retention]
visits = 10
"""
OF_ANNA = ("--ehr", "north", "--patient", "anna")
ENTERED = {
    "hark": {"76501-6": ("LA33-6",), "76500-8": ("pass",)},
    "impact": {"no-such-item": ("typed of somebody",)},
    "children": {"child-age": ("7",), "child-age~2": ("with her friend Zoe",)},
    "form-that-is-gone": {"a": ("typed of somebody else",)},
}


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def counted(done: Result) -> dict[str, int]:
    lines = (line.partition(": ") for line in done.stdout.splitlines() if ": " in line)
    return {table: int(number) for table, _, number in lines if number.isdigit()}


async def fill(store: Store) -> None:
    """Anna's visit of forty days ago, closed, with all that belongs to it; Ben's, which waits."""
    opened = datetime.now(UTC) - timedelta(days=40)
    for patient, state in (("anna", VisitState.RECORDED), ("ben", VisitState.DISCLOSED)):
        items = (WrittenOne("k", "Flag", "Flag/1", Check.FAILED, "refused: her sister Zoe"),)
        visit = Visit(
            *(f"visit-{patient}", "north", "https://ehr.example.org/fhir", patient, "e", "Practitioner/1"),
            *("key of the clinician", "Dr Osei", state, Setting.GP, opened, opened),
            *(Person(f"Name of {patient}", date(1990, 5, 17), Sex.FEMALE), WritePlan(True, True, ())),
            *(Draft(entered=ENTERED, known=Known.REGISTERED), Written(items), None, "c" * 64, False),
            held=True,
            contacts=Contacts(shared=frozenset({Way.PHONE}), others=frozenset({"in the same house"})),
        )  # fmt: skip
        await store.doing(Act.OPENED, opened).visits.create(
            visit, Grant("token", opened, None, "https://t", "s")
        )
        if patient == "ben":
            continue
        referral = Referral(
            *("key", visit.id, "s", "Mentors", "020 7946 0000", ReferralState.QUEUED),
            *(opened, opened),
            words="ring her at Zoe's",
        )
        job = NewJob("key", "c", "https://service.test", {"number": "07700 900999"})
        visit = await store.doing(Act.SENT, opened).referrals.add(
            visit, referral, job, state=VisitState.CLOSED
        )
        await store.followups.add(visit, due=(opened + timedelta(days=49)).date(), text="Routine follow-up")
        await store.accounts.keep(visit, "https://x|1", {"a": ("typed of a third",)}, opened)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ipvscreen.toml").write_text(SETTINGS.format(folder=tmp_path))
    asyncio.run(with_store(fill))
    return tmp_path


async def with_store(work):
    settings = Settings()
    store = await open_store(settings.database, ring_of(settings))
    try:
        return await work(store)
    finally:
        await store.close()


def in_file(here: Path, table: str) -> int:
    with closing(sqlite3.connect(here / "store.db")) as connection:
        (number,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608  from below
    return int(number)


def acts() -> list[str]:
    """As the audit log is exported, so that each reads as an AuditEvent."""
    return [json.loads(line)["subtype"][0]["code"] for line in typed("audit", "export").stdout.splitlines()]


def test_a_purge_says_what_would_go_and_then_it_goes(here: Path) -> None:
    with closing(sqlite3.connect(here / "store.db")) as connection, connection:
        for table in ("accounts", "followups", "outbox", "referrals"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608  from above

    tried = typed("purge", "--dry-run")
    assert (counted(tried)["visits"], in_file(here, "visits")) == (1, 2)
    assert "Nothing was changed." in tried.stdout
    assert "anna" not in tried.stdout
    assert "purged" not in acts()

    assert counted(typed("purge"))["visits"] == 1
    assert acts()[-1] == "purged"
    assert typed("audit", "verify").exit_code == 0
    assert in_file(here, "visits") == 1, "what waits on the list stays"


def test_what_refers_to_a_visit_keeps_it(here: Path) -> None:
    assert counted(typed("purge"))["visits"] == 0
    assert in_file(here, "visits") == 2


def test_what_waits_goes_only_when_it_is_said(here: Path) -> None:
    (here / "ipvscreen.toml").write_text(SETTINGS.format(folder=here) + "unfinished = 30\n")

    assert counted(typed("purge"))["visits"] == 0
    assert counted(typed("purge", "--unfinished"))["visits"] == 1


async def test_the_job_of_one_process_purges_once_a_day(here: Path) -> None:
    async def twice(store: Store) -> None:
        now = datetime.now(UTC) + timedelta(days=1000)
        jobs = [Purger(store, Days(), lambda: now, seconds=0.01) for _ in range(2)]
        done = [await job.run_once() for job in jobs]
        assert [one is None for one in done] == [False, True]
        assert done[0] is not None
        assert done[0]["followups"] == 1
        assert [row.act async for row in store.audit.entries()][3:] == [Act.PURGED]
        assert in_file(here, "visits") == 2, "Ben's waits, and Anna's referral is still on its way"

    await with_store(twice)


async def test_the_job_ends_when_it_is_told_and_goes_on_after_a_fault(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async def broken(store: Store) -> None:
        stop, looks = asyncio.Event(), []

        def clock() -> datetime:
            looks.append(1)
            if len(looks) > 2:
                stop.set()
            raise ValueError("words of a patient")

        await asyncio.wait_for(Purger(store, Days(), clock, seconds=0.01).run(stop), 30)
        assert len(looks) == 3

    await with_store(broken)
    printed = "".join(capfd.readouterr())
    assert "purge.fault" in printed
    assert "words of a patient" not in printed


def test_forgetting_asks_first_and_then_deletes_one_person(here: Path) -> None:
    asked = typed("forget", *OF_ANNA)
    everything = dict.fromkeys(("visits", "referrals", "outbox", "followups", "accounts"), 1)
    everything |= dict.fromkeys(("journal", "cases", "case_events", "alerts", "child_plans"), 0)
    assert (asked.exit_code, counted(asked)) == (1, everything)
    assert in_file(here, "visits") == 2

    done = typed("forget", *OF_ANNA, "--yes")

    assert (done.exit_code, counted(done)) == (0, everything)
    assert "store backup" in done.stdout
    assert [in_file(here, table) for table in everything] == [1] + [0] * 9
    assert acts() == ["opened", "sent", "opened", "forgotten"]
    assert typed("audit", "verify").exit_code == 0


def test_restoring_says_who_was_left_out(here: Path) -> None:
    (here / "b").mkdir()
    typed("store", "backup", "b/monday")
    typed("forget", *OF_ANNA, "--yes")
    typed("store", "backup", "b/tuesday")

    done = typed("store", "restore", "b/monday", "--force")

    assert done.exit_code == 0, done.stderr
    assert "keys of their persons are gone: 1." in done.stdout
    assert in_file(here, "visits") == 1


def test_an_export_begins_with_the_review_and_holds_what_is_hers_alone(here: Path) -> None:
    done = typed("export", *OF_ANNA)

    assert done.stdout.startswith('{\n  "review": "NOT TO BE HANDED OUT AS IT IS.')
    body = json.loads(done.stdout)
    (visit,) = body["visits"]
    assert (visit["name"], visit["birth_date"], visit["seen_by"]) == ("Name of anna", "1990-05-17", "Dr Osei")
    assert [one["answer"] for one in visit["answers"]] == [["Yes"], ["passed"], ["7"]]
    assert visit["referrals"][0]["service"] == "Mentors"
    assert visit["follow_ups"][0]["text"] == "Routine follow-up"
    assert visit["written_to_the_record"] == [{"kind": "Flag", "reference": "Flag/1", "check": "failed"}]
    assert [(one["act"], one["by"]) for one in body["acts"]] == [("opened", "Dr Osei"), ("sent", "Dr Osei")]
    assert body["typed_answers_left_out"] == 4
    assert {one["what"] for one in body["left_out"]} >= {"answers that were typed"}
    for word in (
        "Zoe",
        "typed of",
        "07700 900999",
        "ben",
        "token",
        "c" * 64,
        "service.test",
        "registered",
        "in the same house",
    ):
        assert word not in done.stdout, word


def test_an_export_says_what_a_service_did_and_not_who_did_it(here: Path) -> None:
    async def at_the_service(store: Store) -> None:
        now = datetime.now(UTC)
        agreement = Agreement(out=True, back=True, until=now.date())
        contact = SafeContact(ContactWay.PHONE, "07700 900999")
        await store.cases.take_in("key", ReferralRequest("s", contact, agreement=agreement), "Anna", now)
        facts = Facts(Answer.YES, mentors={"mentor Zoe": Answer.YES})
        for seen, (event, said) in enumerate(
            [("open", {}), ("check", {"facts": facts}), ("decline", {"reason": Decline.NO_CAPACITY})]
        ):
            step = Step(CaseEvent(event), CaseRole.COORDINATOR, "coordinator Zoe", **said)
            await store.cases.move("key", "s", step, seen=seen, now=now)

    asyncio.run(with_store(at_the_service))
    done = typed("export", *OF_ANNA)
    (case,) = json.loads(done.stdout)["visits"][0]["referrals"][0]["at_the_service"]
    assert [one["step"] for one in case["steps"]] == ["open", "decline"]
    assert (case["state"], case["reason"], case["outcome"]) == ("declined", "no-capacity", None)
    assert "Zoe" not in done.stdout
    assert "900999" not in done.stdout


def test_an_export_says_what_waited_and_that_children_were_planned_for(here: Path) -> None:
    """What was done about it and when; of a child the day alone, and of whose notice it was nothing."""

    async def waits(store: Store) -> None:
        at = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
        facts = [Fact(cause, "key", "visit-anna", at) for cause in (Cause.UNRECEIVED, Cause.DECLINED)]
        facts.append(Fact(Cause.UNFINISHED, "visit-ben", "visit-ben", at))
        await store.alerts.settle("north", [Due(one, at, at, at) for one in facts], at)
        first = next(one for one in await store.alerts.of_visit("visit-anna") if one.cause is Cause.DECLINED)
        by = Subject("visit-anna", "north", "", None, "n", "Nurse Zoe")
        assert await store.alerts.see_to(first.id, "north", by, Done.RANG_SERVICE, at + timedelta(hours=1))
        visit = await store.visits.get("visit-anna")
        need = ChildNeed(age=7, exposure=None)
        plan = ChildPlan("Zoe Keeper", "stays with Zoe", date(2026, 4, 1))
        await store.child_plans.add(visit, need, plan, None)

    asyncio.run(with_store(waits))
    done = typed("export", *OF_ANNA)
    (visit,) = json.loads(done.stdout)["visits"]
    assert [(one["why"], one["done"], one["ended_at"]) for one in sorted(visit["waited"], key=str)] == [
        ("declined", "rang-service", "2026-03-02T11:00:00+00:00"),
        ("unreceived", None, None),
    ]
    assert visit["plans_for_children"] == [{"review": "2026-04-01"}]
    assert "Zoe" not in done.stdout
    assert "token" not in done.stdout
    assert in_file(here, "alerts") == 3
    gone = counted(typed("forget", *OF_ANNA, "--yes"))
    assert (gone["alerts"], gone["child_plans"], in_file(here, "alerts")) == (2, 1, 1)


def test_after_forgetting_an_export_still_says_who_had_looked(here: Path) -> None:
    typed("forget", *OF_ANNA, "--yes")

    body = json.loads(typed("export", *OF_ANNA).stdout)

    assert body["visits"] == []
    assert [(one["act"], one["by"]) for one in body["acts"]] == [
        ("opened", "Dr Osei"),
        ("sent", "Dr Osei"),
        ("forgotten", "who operates the app"),
    ]


def test_of_nobody_there_is_nothing(here: Path) -> None:
    body = json.loads(typed("export", "--ehr", "north", "--patient", "nobody").stdout)
    assert body["visits"] == []

    wrong = typed("export", "--ehr", "south", "--patient", "anna")
    assert wrong.exit_code == 2
    assert "south" in wrong.stderr


def test_where_a_visit_does_not_open_nobody_is_said_to_be_complete(here: Path) -> None:
    with closing(sqlite3.connect(here / "store.db")) as connection, connection:
        connection.execute("UPDATE visits SET context = person WHERE id = 'visit-ben'")

    for words in (("forget", *OF_ANNA, "--yes"), ("forget", *OF_ANNA), ("export", *OF_ANNA)):
        done = typed(*words)
        assert done.exit_code == 1
        assert "altered or moved. Nothing was changed." in " ".join(done.stderr.split())
        assert done.stdout == ""
    assert in_file(here, "visits") == 2
    assert counted(typed("purge", "--dry-run"))["visits"] == 0, "a purge opens nothing"
