"""Visits: kept whole, changed once, found again by their clinician, handed over to a new launch."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from ipvscreen.errors import OutOfOrder, VisitOver
from ipvscreen.ipv.draft import Call, Draft, Recording
from ipvscreen.ipv.person import Person, Setting
from ipvscreen.ipv.proxies import Contacts, Way
from ipvscreen.ipv.visit import Door, VisitState
from ipvscreen.resources.labels import FLOOR, About, Labels, Row, Spelling, act
from ipvscreen.resources.plan import WritePlan
from ipvscreen.resources.policy import Categories, WritePolicy
from ipvscreen.resources.written import Check, Written, WrittenOne
from ipvscreen.store.facade import Store, open_store
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.visit import columns_of, visit_of

WRITTEN = Written((WrittenOne("k", "Flag", "Flag/1", Check.LABEL_LOST, "words"),))
CONTACTS = Contacts(read=True, proxy=True, shared=frozenset(Way), others=frozenset({"phone:1"}))
POLICY = WritePolicy(
    Labels(FLOOR | {About.SCREEN: Row("V", act("NOPAT"))}, inline=False, nopat=Spelling.BOTH),
    Categories.SURVEY,
    "Read {date}.",
    "Ask the duty doctor.",
)


async def test_a_visit_comes_back_as_it_was(store: Store, new_visit, new_grant):
    visit = await store.visits.create(new_visit(), new_grant("the token"))

    assert await store.visits.get(visit.id) == visit
    assert await store.visits.grant(visit.id) == new_grant("the token")


async def test_so_does_one_with_nothing_known(store: Store, new_visit, new_grant):
    nothing = dict.fromkeys(("encounter_id", "user", "user_key", "user_name"))
    visit = await store.visits.create(new_visit(**nothing, person=Person(None, None)), new_grant())

    assert await store.visits.get(visit.id) == visit


def test_a_visit_from_before_policies_and_contacts_has_the_default_ones(ring: Ring, new_visit):
    visit, sealed = new_visit(policy=POLICY, contacts=CONTACTS), SealedTable(ring, "visits")
    row = columns_of(sealed, visit) | {"id": visit.id, "ehr": visit.ehr, "opened_at": visit.opened_at}
    row["stopped"] = False
    assert visit_of(sealed, row) == visit

    context = sealed.open("context", visit.id, row["context"])
    del context["policy"], context["contacts"]
    row["context"] = sealed.seal("context", visit.id, context)

    assert visit_of(sealed, row) == replace(visit, policy=WritePolicy(), contacts=Contacts())


async def test_every_change_comes_back(store: Store, new_visit, new_grant, at: datetime):
    visit = await store.visits.create(new_visit(), new_grant())
    draft = Draft(Door.TOLD, {"f": {"i": ("a", "b")}}, Recording.CONVERSATION, True, Call.MADE, True)

    changed = await store.visits.change(
        visit,
        state=VisitState.DISCLOSED,
        setting=Setting.MENTAL_HEALTH,
        expires_at=at + timedelta(minutes=5),
        person=Person("Other", date(2000, 2, 29)),
        plan=WritePlan(False, False, ()),
        policy=POLICY,
        contacts=CONTACTS,
        draft=draft,
        written=WRITTEN,
        referred_in_record=Written(),
        last_form="f1",
        cookie_hash="d" * 64,
        age_confirmed=True,
        held=True,
        grant=new_grant("fresh"),
    )

    assert await store.visits.get(visit.id) == changed
    assert await store.visits.grant(visit.id) == new_grant("fresh")
    kept = {"id", "ehr", "iss", "patient_id", "encounter_id", "user", "user_key", "user_name", "opened_at"}
    kept |= {"stopped"}  # by a launch, and not by a change
    fields = visit.__dataclass_fields__
    assert {name for name in fields if getattr(visit, name) == getattr(changed, name)} == kept


async def test_times_come_back_aware_and_in_utc(store: Store, new_visit, new_grant):
    in_delhi = datetime(2026, 3, 2, 15, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    await store.visits.create(new_visit(opened_at=in_delhi), new_grant())

    stored = await store.visits.get("visit-1")

    assert stored is not None
    assert stored.opened_at == in_delhi
    assert stored.opened_at.tzinfo is UTC


async def test_a_time_without_a_zone_is_refused(store: Store, new_visit, new_grant):
    with pytest.raises(Exception, match="without a zone"):
        await store.visits.create(new_visit(opened_at=datetime(2026, 3, 2)), new_grant())  # noqa: DTZ001

    assert await store.visits.get("visit-1") is None


async def test_there_is_no_visit_and_no_token_of_an_unknown_id(store: Store):
    assert await store.visits.get("none") is None
    with pytest.raises(VisitOver):
        await store.visits.grant("none")


async def test_a_token_can_be_taken_away(store: Store, new_visit, new_grant):
    visit = await store.visits.create(new_visit(), new_grant())

    await store.visits.change(visit, grant=None)

    with pytest.raises(VisitOver):
        await store.visits.grant(visit.id)


async def test_of_twenty_changes_at_once_one_wins(store: Store, new_visit, new_grant):
    visit = await store.visits.create(new_visit(), new_grant())

    changes = [store.visits.change(visit, last_form=str(number)) for number in range(20)]
    results = await asyncio.gather(*changes, return_exceptions=True)

    winners = [result for result in results if not isinstance(result, BaseException)]
    losers = [result for result in results if isinstance(result, OutOfOrder)]
    assert (len(winners), len(losers)) == (1, 19)
    assert {error.event for error in losers} == {"changed meanwhile"}
    assert await store.visits.get(visit.id) == winners[0]


async def test_two_processes_too(store: Store, url: str, ring: Ring, new_visit, new_grant):
    visit = await store.visits.create(new_visit(), new_grant())
    other = await open_store(url, ring)

    changes = [each.visits.change(visit, age_confirmed=True) for each in (store, other) * 5]
    results = await asyncio.gather(*changes, return_exceptions=True)

    await other.close()
    assert sum(not isinstance(result, BaseException) for result in results) == 1


async def test_a_cancelled_change_leaves_no_lock_behind(store: Store, new_visit, new_grant):
    visit = await store.visits.create(new_visit(), new_grant())

    for pause in range(30):
        change = asyncio.create_task(store.visits.change(visit, last_form="cancelled"))
        await asyncio.sleep(pause / 5000)
        change.cancel()
        await asyncio.gather(change, return_exceptions=True)

    async with asyncio.timeout(5):
        standing = await store.visits.get(visit.id)
        assert standing is not None
        assert (await store.visits.change(standing, last_form="after")).version == standing.version + 1


async def test_a_change_of_something_unknown_changes_nothing(store: Store, new_visit, new_grant):
    visit = await store.visits.create(new_visit(), new_grant())

    with pytest.raises(TypeError):
        await store.visits.change(visit, colour="red")

    assert await store.visits.get(visit.id) == visit


@pytest.mark.parametrize("state", list(VisitState))
@pytest.mark.parametrize("held", [True, False])
async def test_only_a_disclosure_that_was_not_sent_on_is_unfinished(
    store: Store, new_visit, new_grant, state: VisitState, held: bool
):
    visit = await store.visits.create(new_visit(state=state, held=held), new_grant())

    waits = held and state in ("asking", "disclosed", "unrecorded", "recorded", "deferred")
    assert await store.visits.unfinished(visit.ehr, visit.user_key) == ([visit] if waits else [])


async def test_the_list_is_this_clinicians_alone_and_in_order(
    store: Store, new_visit, new_grant, at: datetime
):
    mine = [new_visit(id=f"v{n}", held=True, opened_at=at - timedelta(hours=n)) for n in range(3)]
    others = [
        new_visit(id="another-clinician", held=True, user_key="another"),
        new_visit(id="another-ehr", held=True, ehr="hospital"),
        new_visit(id="unknown-clinician", held=True, user_key=None),
    ]
    for visit in [*mine, *others]:
        await store.visits.create(visit, new_grant())

    listed = await store.visits.unfinished(mine[0].ehr, mine[0].user_key)
    assert [visit.id for visit in listed] == ["v2", "v1", "v0"]
    assert await store.visits.unfinished(mine[0].ehr, None) == []


async def test_after_a_key_rotation_the_list_is_whole(url: str, new_visit, new_grant):
    before = await open_store(url, Ring({"old": b"o" * 32}, "old"))
    old = await before.visits.create(new_visit(id="old", held=True), new_grant("old token"))
    await before.close()

    after = await open_store(url, Ring({"new": b"n" * 32, "old": b"o" * 32}, "new"))
    new = await after.visits.create(new_visit(id="new", held=True), new_grant("new token"))
    listed = await after.visits.unfinished(old.ehr, old.user_key)
    granted = await after.visits.grant("old")
    await after.close()

    only_new = await open_store(url, Ring({"new": b"n" * 32}, "new"))
    with_new_key = await only_new.visits.unfinished(old.ehr, old.user_key)
    await only_new.close()

    assert sorted(visit.id for visit in listed) == ["new", "old"]
    assert granted == new_grant("old token")
    assert with_new_key == [new]


async def test_a_new_launch_takes_an_unfinished_visit_over(store: Store, new_visit, new_grant, at: datetime):
    draft = Draft(entered={"f": {"i": ("yes",)}})
    old = await store.visits.create(new_visit(held=True, draft=draft, last_form="f1"), new_grant("old token"))
    new = new_visit(
        id="visit-2",
        opened_at=at + timedelta(hours=3),
        expires_at=at + timedelta(hours=4),
        encounter_id="encounter-2",
        cookie_hash="d" * 64,
        plan=WritePlan(False, False, ()),
        policy=POLICY,
        contacts=CONTACTS,
        person=Person("Anna Newname", date(1990, 5, 17)),
    )

    adopted = await store.visits.adopt(old, new, new_grant("new token"))

    assert await store.visits.get(old.id) == adopted
    assert await store.visits.grant(old.id) == new_grant("new token")
    assert (adopted.cookie_hash, adopted.expires_at) == (new.cookie_hash, new.expires_at)
    assert (adopted.plan, adopted.person, adopted.policy) == (new.plan, new.person, POLICY)
    assert adopted.contacts == CONTACTS
    assert (adopted.draft, adopted.state, adopted.held) == (draft, old.state, True)
    assert (adopted.opened_at, adopted.encounter_id, adopted.last_form) == (at, "encounter-1", None)
    with pytest.raises(OutOfOrder):
        await store.visits.change(old, draft=Draft())


@pytest.mark.parametrize(
    "other",
    [
        {"patient_id": "p2"},
        {"user_key": "u2"},
        {"user_key": None},
        {"ehr": "hospital"},
        {"iss": "https://e2"},
    ],
)
async def test_another_persons_launch_does_not(
    store: Store, new_visit, new_grant, other: dict[str, str | None]
):
    old = await store.visits.create(new_visit(held=True), new_grant("old token"))

    with pytest.raises(OutOfOrder):
        await store.visits.adopt(old, new_visit(id="visit-2", **other), new_grant("new token"))

    assert await store.visits.grant(old.id) == new_grant("old token")


async def test_an_unknown_clinician_takes_nothing_over(store: Store, new_visit, new_grant):
    old = await store.visits.create(new_visit(user_key=None), new_grant("old token"))

    with pytest.raises(OutOfOrder):
        await store.visits.adopt(old, replace(old, id="visit-2"), new_grant("new token"))


def test_the_context_of_what_is_written_is_the_visits(new_visit, at: datetime):
    context = new_visit().context()

    assert (context.visit_id, context.patient_id, context.encounter_id) == (
        "visit-1",
        "patient-1",
        "encounter-1",
    )
    assert (context.author, context.author_name, context.at) == ("Practitioner/1", "Dr Example", at)
