"""Signing keys: published before one signs, and until long after one has stopped."""

import asyncio
from datetime import datetime, timedelta
from itertools import count

import pytest

from ipvscreen.store.facade import Store, open_store
from ipvscreen.store.sealed import Ring
from ipvscreen.store.signing_keys import KEPT, LEAD, NewKey, StoredKey

MINUTE, DAY = timedelta(minutes=1), timedelta(hours=24)


def keys(number: int, *algs: str) -> list[NewKey]:
    return [NewKey(f"{alg}-{number}", alg, {"kty": "oct", "k": f"{number}"}) for alg in algs or ("ES384",)]


async def seen(store: Store, now: datetime, alg: str = "ES384") -> tuple[str, set[str]]:
    """Which key signs then, and which are published."""
    return (await store.signing_keys.current(alg, now)).kid, {
        key.kid for key in await store.signing_keys.published(now) if key.alg == alg
    }


async def test_the_time_line_of_a_rotation(store: Store, at: datetime):
    await store.signing_keys.rotate(keys(1), at)
    assert await seen(store, at) == ("ES384-1", {"ES384-1"}), "the first one signs at once"

    rotated = at + timedelta(days=30)
    await store.signing_keys.rotate(keys(2), rotated)
    signs = rotated + LEAD
    both = {"ES384-1", "ES384-2"}

    assert await seen(store, rotated - MINUTE) == ("ES384-1", both)
    assert await seen(store, rotated) == ("ES384-1", both), "published at once, and does not sign yet"
    assert await seen(store, signs - MINUTE) == ("ES384-1", both)
    assert await seen(store, signs) == ("ES384-2", both)
    assert await seen(store, signs + DAY - MINUTE) == ("ES384-2", both), "who kept our JWKS finds the old one"
    assert await seen(store, signs + DAY) == ("ES384-2", {"ES384-2"})


async def test_whoever_keeps_the_jwks_for_the_lead_never_misses_the_key_that_signs(
    store: Store, at: datetime
):
    await store.signing_keys.rotate(keys(1), at)
    for number, after in enumerate((10, 11, 40, 300, 301), 2):
        await store.signing_keys.rotate(keys(number), at + after * MINUTE)

    moments = [at + minutes * MINUTE for minutes in range(500)]
    published = {now: await seen(store, now) for now in moments}

    for now in moments:
        signing = published[now][0]
        for fetched in (now, max(now - LEAD, at)):
            assert signing in await _published_at(store, fetched, at), (now - at, fetched - at)
        # ...and an assertion of five minutes ago still finds its key.
        assert published[max(now - 5 * MINUTE, at)][0] in published[now][1]
    assert {signing for signing, _ in published.values()} >= {"ES384-1", "ES384-2", "ES384-4", "ES384-6"}


async def _published_at(store: Store, then: datetime, at: datetime) -> set[str]:
    """What the JWKS held at that moment: of the keys, those that had been made by then."""
    made = {f"ES384-{n}": at + after * MINUTE for n, after in enumerate((0, 10, 11, 40, 300, 301), 1)}
    return {kid for kid in (await seen(store, then))[1] if made[kid] <= then}


async def test_each_algorithm_has_its_own_line(store: Store, at: datetime):
    await store.signing_keys.rotate(keys(1), at)

    added = await store.signing_keys.rotate(keys(2, "ES384", "RS384"), at + MINUTE)

    assert [(key.kid, key.signs_from) for key in added] == [
        ("ES384-2", at + MINUTE + LEAD),
        ("RS384-2", at + MINUTE),
    ]
    assert await seen(store, at + MINUTE) == ("ES384-1", {"ES384-1", "ES384-2"})
    assert await seen(store, at + MINUTE, "RS384") == ("RS384-2", {"RS384-2"})


async def test_a_lead_can_be_longer_and_no_key_overtakes_its_forerunner(store: Store, at: datetime):
    await store.signing_keys.rotate(keys(1), at)
    (slow,) = await store.signing_keys.rotate(keys(2), at, timedelta(days=7))

    (next_one,) = await store.signing_keys.rotate(keys(3), at + MINUTE)

    assert slow.signs_from == next_one.signs_from == at + timedelta(days=7)


async def test_there_is_no_key_of_an_unknown_algorithm(store: Store, at: datetime):
    await store.signing_keys.rotate(keys(1), at)

    with pytest.raises(LookupError):
        await store.signing_keys.current("RS384", at)


async def test_the_first_keys_are_made_once(store: Store, url: str, ring: Ring, at: datetime):
    other, numbers = await open_store(url, ring), count(1)

    def make() -> list[NewKey]:
        return keys(next(numbers), "ES384", "RS384")

    await asyncio.gather(*(each.signing_keys.ensure(make, at) for each in (store, other) * 5))
    await store.signing_keys.ensure(make, at + DAY)

    published = await other.signing_keys.published(at)
    await other.close()
    assert sorted(key.alg for key in published) == ["ES384", "RS384"]
    assert len({key.jwk["k"] for key in published}) == 1


async def test_a_clock_a_little_behind_still_signs(store: Store, at: datetime):
    await store.signing_keys.rotate(keys(1), at)

    assert (await store.signing_keys.current("ES384", at - timedelta(seconds=2))).kid == "ES384-1"


async def test_what_is_no_longer_published_is_deleted(store: Store, at: datetime):
    await store.signing_keys.rotate(keys(1), at)
    await store.signing_keys.rotate(keys(2), at)
    await store.signing_keys.rotate(keys(3), at + LEAD + KEPT)

    async with store._engine.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT id FROM signing_keys ORDER BY id")
        assert [row.id for row in rows] == ["ES384-2", "ES384-3"]


async def test_keys_that_another_may_hold_are_withdrawn_at_once(store: Store, at: datetime):
    await store.signing_keys.rotate(keys(1, "ES384", "RS384"), at)

    await store.signing_keys.replace(keys(2, "ES384", "RS384"), at + MINUTE)

    assert await seen(store, at + MINUTE) == ("ES384-2", {"ES384-2"})
    assert await seen(store, at + MINUTE, "RS384") == ("RS384-2", {"RS384-2"})


def test_a_key_does_not_print_itself(at: datetime):
    jwk = {"d": "secret"}

    assert "secret" not in repr([NewKey("kid", "ES384", jwk), StoredKey("kid", "ES384", jwk, at)])
