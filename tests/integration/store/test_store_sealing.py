"""Sealing by itself: what opens, what does not, and what the sealed bytes give away."""

from hashlib import sha256

import pytest

from ipvscreen.store.sealed import (
    KeyMissing,
    Ring,
    SealBroken,
    SealedTable,
    blind_indexes,
    open_sealed,
    seal,
)

OLD, NEW = b"o" * 32, b"n" * 32
RING = Ring({"old": OLD}, current="old")
ROTATED = Ring({"old": OLD, "new": NEW}, current="new")


def test_opens_in_its_place_and_nowhere_else():
    sealed = seal(RING, "purpose", "a place", b"secret")

    assert open_sealed(RING, "purpose", "a place", sealed) == b"secret"
    with pytest.raises(SealBroken):
        open_sealed(RING, "purpose", "another place", sealed)
    with pytest.raises(SealBroken):
        open_sealed(RING, "another purpose", "a place", sealed)


def test_no_byte_can_be_changed_and_no_end_cut_off():
    sealed = seal(RING, "purpose", "place", b"secret")
    flipped = [sealed[:i] + bytes([sealed[i] ^ 1]) + sealed[i + 1 :] for i in range(len(sealed))]
    cut = [sealed[:length] for length in range(len(sealed))]

    for wrong in [*flipped, *cut]:
        with pytest.raises(SealBroken):
            open_sealed(RING, "purpose", "place", wrong)


def test_the_same_value_never_looks_the_same():
    assert len({seal(RING, "purpose", "place", b"secret") for _ in range(100)}) == 100


def test_after_a_rotation_the_old_key_opens_and_the_new_one_seals():
    before = seal(RING, "purpose", "place", b"secret")
    after = seal(ROTATED, "purpose", "place", b"secret")

    assert open_sealed(ROTATED, "purpose", "place", before) == b"secret"
    assert open_sealed(Ring({"new": NEW}, "new"), "purpose", "place", after) == b"secret"
    with pytest.raises(KeyMissing):
        open_sealed(RING, "purpose", "place", after)


def test_a_key_id_does_not_vouch_for_the_key():
    sealed = seal(RING, "purpose", "place", b"secret")

    with pytest.raises(SealBroken):
        open_sealed(Ring({"old": NEW}, "old"), "purpose", "place", sealed)


@pytest.mark.parametrize(
    ("keys", "current"),
    [({"a": OLD}, "b"), ({"a": OLD[:-1]}, "a"), ({"a": OLD, "": NEW}, "a"), ({"a" * 256: OLD}, "a" * 256)],
)
def test_a_ring_that_cannot_work_is_refused_at_once(keys: dict[str, bytes], current: str):
    with pytest.raises(ValueError, match="key"):
        Ring(keys, current)


def test_the_longest_key_id_still_opens():
    ring = Ring({"é" * 127: OLD}, current="é" * 127)

    assert open_sealed(ring, "purpose", "place", seal(ring, "purpose", "place", b"secret")) == b"secret"


def test_a_ring_does_not_print_its_keys():
    assert "ooo" not in repr(RING)


def test_an_index_is_found_after_a_rotation():
    (before,) = blind_indexes(RING, "purpose", "clinician")
    after = blind_indexes(ROTATED, "purpose", "clinician")

    assert after[0] != before
    assert before in after


def test_an_index_tells_nothing_without_the_key():
    (index,) = blind_indexes(RING, "purpose", "clinician")

    assert index != sha256(b"clinician").hexdigest()
    assert (index,) != blind_indexes(RING, "another purpose", "clinician")
    assert (index,) != blind_indexes(Ring({"old": NEW}, "old"), "purpose", "clinician")


def test_the_length_does_not_tell_how_much_was_answered():
    table = SealedTable(RING, "visits")
    lengths = {len(table.seal("draft", "1", value)) for value in (None, {}, {"first": "yes"}, "x" * 200)}

    assert len(lengths) == 1
    assert len(table.seal("draft", "1", "x" * 600)) > lengths.pop()
