"""What became of each entry, as data."""

import json
from dataclasses import replace

import pytest

from ipvscreen.messages import Message, message
from ipvscreen.resources.loss import Loss
from ipvscreen.resources.written import Check, Written, WrittenOne, written_from_json, written_to_json


def one(check: Check) -> WrittenOne:
    return WrittenOne(key="k", kind="Flag", reference="Flag/1", check=check, words="w")


@pytest.mark.parametrize("check", Check)
def test_four_need_a_hand(check: Check) -> None:
    written = Written((one(Check.VERIFIED), one(check)))
    needs_a_hand = check in (Check.FAILED, Check.LABEL_LOST, Check.UNKNOWN, Check.WITHDRAWN)
    assert written.failed == ((one(check),) if needs_a_hand else ())


def test_of_nothing_written_nothing_has_failed() -> None:
    assert Written().failed == ()


def test_written_is_stored_and_read_again() -> None:
    written = Written(tuple(one(check) for check in Check))
    assert written_from_json(written_to_json(written)) == written
    assert isinstance(written_from_json(written_to_json(written)).items[0].check, Check)


@pytest.mark.parametrize("check", Check)
def test_a_label_was_lost_whether_or_not_the_entry_was_taken_out_again(check: Check) -> None:
    lost = check in (Check.LABEL_LOST, Check.WITHDRAWN)
    assert Written((one(Check.VERIFIED), one(check))).label_lost is lost


def test_the_ways_are_told_once_each_and_only_of_what_was_lost() -> None:
    items = [
        replace(one(check), loss=loss)
        for check, loss in (
            (Check.WITHDRAWN, Loss.DOWNGRADED),
            (Check.LABEL_LOST, Loss.DROPPED),
            (Check.WITHDRAWN, Loss.DROPPED),
            (Check.WITHDRAWN, None),
            (Check.UNCONFIRMED, Loss.IN_SEARCH),
        )
    ]
    assert Written(tuple(items)).losses == (Loss.DROPPED, Loss.DOWNGRADED)


@pytest.mark.parametrize("loss", Loss)
def test_the_way_is_stored_and_read_again_and_without_one_it_is_as_the_version_before_wrote_it(
    loss: Loss,
) -> None:
    written = Written((replace(one(Check.LABEL_LOST), loss=loss),))
    assert written_from_json(json.loads(json.dumps(written_to_json(written)))) == written
    assert "loss" not in written_to_json(Written((one(Check.LABEL_LOST),)))["items"][0]
    with pytest.raises(ValueError, match="odd"):
        written_from_json({"items": [written_to_json(written)["items"][0] | {"loss": "odd"}]})


def test_stored_garbage_is_refused() -> None:
    stored = written_to_json(Written((one(Check.FAILED),)))
    stored["items"][0]["check"] = "maybe"
    with pytest.raises(ValueError, match="maybe"):
        written_from_json(stored)
    stored["items"][0].update(check="failed", more=1)
    with pytest.raises(TypeError):
        written_from_json(stored)


def test_why_it_was_not_written_is_kept_as_a_message_and_an_old_row_still_opens() -> None:
    said = message("{why} Nothing was sent.", why=message("The record system is too busy just now."))
    stored = written_to_json(Written((WrittenOne("k", "Flag", None, Check.FAILED, said),)))
    (item,) = written_from_json(stored).items

    assert isinstance(item.words, Message)
    assert item.words.parts == {"why": "The record system is too busy just now."}
    old = {"key": "k", "kind": "Flag", "reference": None, "check": "failed", "words": "No."}
    assert written_from_json({"items": [old]}).items[0].words == "No."
