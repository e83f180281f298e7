"""A draft comes back from its JSON as it was, and nothing else passes for one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvscreen.errors import AnswerNotOffered
from ipvscreen.ipv.assessment import Danger, Outcome
from ipvscreen.ipv.draft import (
    Again,
    Call,
    Draft,
    Known,
    Left,
    Mistaken,
    Opened,
    Recording,
    draft_from_json,
    draft_to_json,
)
from ipvscreen.ipv.packs import Pack, Reason
from ipvscreen.ipv.reading import assess_draft, read_draft
from ipvscreen.ipv.visit import Door, Step

ENTERED = st.dictionaries(
    st.text(), st.dictionaries(st.text(), st.lists(st.text(), max_size=3).map(tuple), max_size=3), max_size=3
)
MISTAKEN = st.builds(
    Mistaken,
    step=st.sampled_from(Step),
    values=st.dictionaries(st.text(), st.text(), max_size=3),
    chosen=st.frozensets(st.text(), max_size=3),
    mistakes=st.dictionaries(st.text(), st.text(), max_size=3),
)
DRAFTS = st.builds(
    Draft,
    door=st.none() | st.sampled_from(Door),
    entered=ENTERED,
    recording=st.sampled_from(Recording),
    flag=st.booleans(),
    call=st.none() | st.sampled_from(Call),
    declined=st.booleans(),
    mistaken=st.none() | MISTAKEN,
    reason=st.none() | st.sampled_from(Reason),
    form=st.none() | st.text(min_size=1),
    page=st.integers(min_value=0),
    known=st.none() | st.sampled_from(Known),
    concern=st.booleans(),
    left=st.none() | st.sampled_from(Left),
    again=st.none() | st.builds(Again, st.text(), st.text(), st.lists(st.text(), max_size=3).map(tuple)),
    child=st.text(),
)


@given(DRAFTS)
def test_there_and_back(draft: Draft) -> None:
    assert draft_from_json(json.loads(json.dumps(draft_to_json(draft)))) == draft


BODY = draft_to_json(Draft())


@pytest.mark.parametrize(
    "body",
    [
        {},
        {key: value for key, value in BODY.items() if key != "call"},
        BODY | {"score": 3},
        BODY | {"known": "neighbour"},
        BODY | {"concern": "yes"},
        BODY | {"door": "window"},
        BODY | {"recording": "loud"},
        BODY | {"call": "later"},
        BODY | {"flag": "yes"},
        BODY | {"declined": None},
        BODY | {"mistaken": {}},
        BODY | {"reason": "curiosity"},
        BODY | {"page": -1},
        BODY | {"page": True},
        BODY | {"page": "1"},
        BODY | {"earlier": {"references": []}},
        BODY | {"mistaken": {"step": "window", "values": {}, "chosen": [], "mistakes": {}}},
    ],
)
def test_what_is_not_exactly_a_draft_is_refused(body: dict[str, Any]) -> None:
    assert draft_from_json(BODY) == Draft()
    with pytest.raises(ValueError, match=r"Not a draft|is not a valid"):
        draft_from_json(body)


def test_a_draft_that_was_sealed_before_there_was_more_to_keep_still_opens() -> None:
    assert not {"mistaken", "reason", "form", "page", "earlier", "concern"} & set(BODY)
    opened = draft_from_json(BODY)
    assert opened.concern is False
    assert opened.earlier is None
    assert (opened.mistaken, opened.reason, opened.form, opened.page) == (None, None, None, 0)


def test_an_earlier_form_that_is_open_is_kept() -> None:
    for opened in (Opened(("Observation/1",)), Opened(("Flag/1", "Flag/2"), "visit", "Flag/1", "3")):
        draft = Draft(earlier=opened)
        assert draft_from_json(json.loads(json.dumps(draft_to_json(draft)))) == draft


def test_a_draft_is_read_against_the_forms_of_its_visit(packs: dict[str, Pack]) -> None:
    """Those never shown included; those of another setting not."""
    entered = {"hark": {"76500-8": ("LA33-6",)}, "quick": {"neck": ("yes-recent",)}}
    draft = Draft(door=Door.ASK, entered=entered)
    read = read_draft(draft, packs["gp"])
    given_items = {name: set(answers.given) for name, answers in read.items()}
    assert given_items == {"hark": {"76500-8"}, "aas-1": set(), "quick": {"neck"}}
    assert set(read_draft(draft, packs["antenatal"])) == {"aas", "quick"}
    found = assess_draft(draft, packs["gp"])
    assert found.current
    assert found.dangers == (Danger.NECK,)
    assert found.results[0].yes == ("76500-8",)


def test_an_answer_that_a_form_does_not_offer_is_not_assessed(packs: dict[str, Pack]) -> None:
    draft = Draft(door=Door.ASK, entered={"hark": {"76500-8": ("maybe",)}})
    with pytest.raises(AnswerNotOffered):
        assess_draft(draft, packs["gp"])


def test_a_draft_keeps_its_door_and_that_it_was_declined(packs: dict[str, Pack]) -> None:
    assert assess_draft(Draft(door=Door.FROM_RECORD), packs["mental-health"]).past
    found = assess_draft(Draft(door=Door.ASK, declined=True), packs["gp"])
    assert [result.outcome for result in found.results] == [Outcome.DECLINED, Outcome.DECLINED]


def test_a_form_on_a_page_of_its_own_is_read_once_something_was_entered(packs: dict[str, Pack]) -> None:
    trust = packs["mental-health"]
    assert set(read_draft(Draft(), trust)) == {"hark", "aas-1", "quick"}
    opened = Draft(entered={"past": {}}, form="past")
    assert "past" not in read_draft(opened, trust)
    entered = Draft(entered={"past": {"ever-a": ("yes",)}})
    assert read_draft(entered, trust)["past"].value("ever-a") == "yes"
    assert "past" not in read_draft(entered, packs["gp"]), "it is not of that pack"
