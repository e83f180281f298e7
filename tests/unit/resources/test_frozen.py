"""Entries kept as they are, and what is known of them."""

import json
from dataclasses import replace

import pytest

from ipvscreen.resources.draft import entry
from ipvscreen.resources.frozen import frozen, known_of, merged, pending, reopened, thawed
from ipvscreen.resources.labels import About
from ipvscreen.resources.loss import Loss
from ipvscreen.resources.written import Check, Written, WrittenOne

BODY = {
    "status": "final",
    "code": {"coding": [{"system": "https://codes.example", "code": "x"}]},
    "subject": {"reference": "Patient/1"},
    "valueInteger": 1,
}
ITEMS = tuple(entry(key, "Observation", BODY, About.SCREEN) for key in ("a", "b"))


def one(key: str, check: Check) -> WrittenOne:
    return WrittenOne(key, "Observation", None, check)


def test_entries_come_back_to_the_letter():
    assert thawed(json.loads(json.dumps(frozen(ITEMS)))) == ITEMS


def test_an_entry_about_something_unknown_is_refused():
    with pytest.raises(ValueError, match="nothing"):
        thawed([{"key": "a", "kind": "Observation", "body": {}, "about": "nothing"}])


def test_at_first_nothing_is_known_and_nobody_has_to_do_anything():
    written = pending(ITEMS)

    assert [item.key for item in written.items] == ["a", "b"]
    assert {item.check for item in written.items} == {Check.PENDING}
    assert written.failed == ()


def test_only_what_is_known_of_these_entries_counts():
    written = Written((one("b", Check.FAILED), one("another", Check.VERIFIED)))

    assert known_of(ITEMS, written) == Written((one("b", Check.FAILED),))
    assert known_of(ITEMS, None) == Written()


def test_what_is_known_later_counts_and_what_is_new_comes_last():
    before = Written((one("a", Check.PENDING), one("b", Check.FAILED)))

    assert merged(before, Written((one("c", Check.UNKNOWN), one("a", Check.VERIFIED)))) == Written(
        (one("a", Check.VERIFIED), one("b", Check.FAILED), one("c", Check.UNKNOWN))
    )
    assert merged(None, before) == before


def test_what_failed_is_open_while_it_is_tried_again_and_all_else_stays():
    before = Written(tuple(one(check.value, check) for check in Check))
    now = reopened(before)

    assert {item.key: item.check for item in now.items} == {
        check.value: Check.PENDING if check is Check.FAILED else check for check in Check
    }
    gone = replace(one("a", Check.FAILED), reference="Observation/1", words="Gone.", loss=Loss.NOT_SAVED)
    assert reopened(Written((gone,))) == Written((one("a", Check.PENDING),))
