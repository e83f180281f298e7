"""Members, keys, sessions and proposals in the store, on both databases: each thing once whoever is first."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta

import pytest

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.members import Member, Role
from ipvscreen.ipv.proposals import Kind, Proposal, Stage
from ipvscreen.store.facade import Store
from ipvscreen.store.members import Invitation
from ipvscreen.store.passkeys import KeyRefused, Passkey
from ipvscreen.store.sessions import NewSession
from ipvscreen.store.spent import AlreadyUsed, Once

SAM, SOL = Member("5a", Role.STEWARD, "Sam"), Member("50", Role.STEWARD, "Sol")


def once(name: str, at: datetime) -> Once:
    return Once(name, at, at + timedelta(hours=8))


def key_of(member: Member, at: datetime, count: int = 0, ident: bytes = b"") -> Passkey:
    return Passkey(ident or member.id.encode(), b"public", count, "phone", member.id, at)


async def outcomes(*tries: Awaitable[None]) -> list[str]:
    found = await asyncio.gather(*tries, return_exceptions=True)
    return sorted(type(one).__name__ for one in found)


@pytest.fixture
async def two(store: Store, at: datetime) -> Store:
    """Sam and Sol, each with a key and a session."""
    for member in (SAM, SOL):
        code = f"code {member.name}"
        await store.members.first_steward(member, Invitation(code, member.id, at + timedelta(days=3)), at)
        session = NewSession(f"session {member.name}", member.id, key_of(member, at).id, at)
        await store.passkeys.join(code, key_of(member, at), member, session, once(code, at))
    return store


async def test_one_invitation_makes_one_key(store: Store, at: datetime) -> None:
    await store.members.first_steward(SAM, Invitation("code", SAM.id, at + timedelta(days=3)), at)

    def tries(number: int) -> Awaitable[None]:
        key = key_of(SAM, at, ident=bytes([number]))
        session = NewSession(str(number), SAM.id, key.id, at)
        return store.passkeys.join("code", key, SAM, session, once(str(number), at))

    assert await outcomes(*map(tries, range(4))) == ["KeyRefused"] * 3 + ["NoneType"]
    assert len(await store.passkeys.of(SAM)) == 1


async def test_one_form_does_one_thing(two: Store, at: datetime) -> None:
    def tries(number: int) -> Awaitable[None]:
        return two.passkeys.add(SAM, key_of(SAM, at, ident=bytes([number])), once("same", at))

    assert await outcomes(*map(tries, range(4))) == ["AlreadyUsed"] * 3 + ["NoneType"]
    assert len(await two.passkeys.of(SAM)) == 2


async def test_two_who_sign_with_one_count_are_not_both_let_in(two: Store, at: datetime) -> None:
    def tries(number: int) -> Awaitable[None]:
        session = NewSession(f"s{number}", SAM.id, "key", at)
        return two.passkeys.sign_in(SAM, key_of(SAM, at, count=1), session, once(f"s{number}", at))

    assert await outcomes(*map(tries, range(3))) == ["KeyRefused"] * 2 + ["NoneType"]


@pytest.mark.parametrize(
    ("stored", "given", "good"), [(0, 0, True), (0, 1, True), (3, 4, True), (3, 3, False), (3, 0, False)]
)
async def test_a_count_goes_on(two: Store, at: datetime, stored: int, given: int, good: bool) -> None:
    async def signs(count: int, name: str) -> None:
        session = NewSession(name, SAM.id, "key", at)
        await two.passkeys.sign_in(SAM, key_of(SAM, at, count=count), session, once(name, at))

    if stored:
        await signs(stored, "first")
    if good:
        await signs(given, "second")
        assert await two.sessions.member("second", at) == SAM
    else:
        with pytest.raises(KeyRefused):
            await signs(given, "second")
        assert await two.sessions.member("second", at) is None


async def test_a_refused_form_is_not_used_up_and_nothing_of_it_stays(two: Store, at: datetime) -> None:
    taken = key_of(SOL, at)
    with pytest.raises(KeyRefused):
        await two.passkeys.add(SAM, Passkey(taken.credential_id, b"x", 0, "x", SAM.id, at), once("a", at))
    await two.passkeys.add(SAM, key_of(SAM, at, ident=b"other"), once("a", at))
    with pytest.raises(AlreadyUsed):
        await two.passkeys.add(SAM, key_of(SAM, at, ident=b"third"), once("a", at))


async def test_shutting_out_ends_everything_at_once(two: Store, at: datetime) -> None:
    invitation = Invitation("again", SAM.id, at + timedelta(days=3))
    await two.members.invite_again(SOL, invitation, once("x", at))
    assert await two.passkeys.find(key_of(SAM, at).credential_id) is None
    assert await two.sessions.member("session Sam", at) is None
    assert await two.sessions.member("session Sol", at) == SOL
    assert await two.members.invited("again", at) == SAM
    assert await two.members.invited("again", at + timedelta(days=3)) is None
    await two.members.end(SOL, SAM.id, once("y", at))
    assert await two.members.invited("again", at) is None
    assert await two.members.get(SAM.id) is None


async def test_a_session_of_a_key_ends_with_the_key(two: Store, at: datetime) -> None:
    await two.passkeys.add(SAM, key_of(SAM, at, ident=b"other"), once("a", at))
    with pytest.raises(KeyRefused):
        await two.passkeys.end(SAM, key_of(SOL, at).id, once("b", at))
    await two.passkeys.end(SAM, key_of(SAM, at).id, once("c", at))
    assert await two.sessions.member("session Sam", at) is None
    with pytest.raises(OutOfOrder):
        await two.passkeys.end(SAM, (await two.passkeys.of(SAM))[0].id, once("d", at))


async def test_a_third_steward_does_not_come_in_this_way(two: Store, at: datetime) -> None:
    late = Invitation("late", "5b", at + timedelta(days=3))
    with pytest.raises(OutOfOrder):
        await two.members.first_steward(Member("5b", Role.STEWARD, "Sid"), late, at)
    assert len(await two.members.of(None)) == 2


async def test_an_invitation_that_ran_out_counts_for_nobody(store: Store, at: datetime) -> None:
    later = at + timedelta(days=4)
    for number, when in enumerate((at, at, later, later)):
        member = Member(f"{number:02}", Role.STEWARD, "S")
        invitation = Invitation(str(number), member.id, when + timedelta(days=3))
        await store.members.first_steward(member, invitation, when)
    with pytest.raises(OutOfOrder):
        await store.members.first_steward(SAM, Invitation("x", SAM.id, later), later)


async def test_one_of_two_events_at_once_is_lost_to_nobody(two: Store, at: datetime) -> None:
    """Agree and stop at the same moment: whichever is first, the proposal is stopped, or the stop said no."""
    proposal = Proposal("p", Kind.AGAIN, SOL.id, "", SAM.id, at)
    await two.proposals.propose(SAM, proposal, once("p", at))
    until = at + timedelta(days=3)
    agree = two.proposals.agree(SOL, "p", once("agree", at), "code", until)
    stop = two.proposals.stop(SAM, "p", once("stop", at))
    assert await outcomes(agree, stop) == ["NoneType", "OutOfOrder"]
    stored = await two.proposals.get("p")
    assert stored is not None
    shut = await two.passkeys.find(key_of(SOL, at).credential_id) is None
    assert shut is (stored.stage(at) is Stage.IN_FORCE)
    with pytest.raises(OutOfOrder):
        await two.proposals.stop(SAM, "nobody", once("z", at))
