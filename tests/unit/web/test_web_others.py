"""What is said of other people: who else reads, who is known here, and children."""

from dataclasses import replace

import pytest

from ipvscreen.ipv.assessment import Assessment, Danger
from ipvscreen.ipv.draft import Known
from ipvscreen.ipv.proxies import Contacts, Way
from ipvscreen.web.presenters.others import (
    children,
    contact_words,
    known_choices,
    known_words,
    proposals,
    shared_words,
)

QUIET = Assessment((), current=True, past=False)


@pytest.mark.parametrize(
    ("contacts", "said"),
    [
        (Contacts(read=True), []),
        (Contacts(), ["could not be looked up"]),
        (Contacts(read=True, proxy=True), ["somebody who may act"]),
        (
            Contacts(proxy=True, shared=frozenset(Way)),
            ["somebody who may act", "telephone", "email", "address", "could not be looked up"],
        ),
    ],
)
def test_what_the_record_says_of_others(contacts: Contacts, said: list[str]) -> None:
    found = contact_words(contacts)
    assert len(found) == len(said)
    assert all(part in words for part, words in zip(said, found, strict=True))
    assert shared_words(contacts) == tuple(w for w in found if "also" in w and "contact in the record" in w)


@pytest.mark.parametrize("chosen", [None, *Known])
def test_one_tap_with_not_asked_as_its_beginning(chosen: Known | None) -> None:
    choices = known_choices(chosen)
    assert [value for value, _, _ in choices] == ["", "no", "registered", "staff"]
    assert [value for value, _, checked in choices if checked] == [chosen or ""]


@pytest.mark.parametrize("known", [None, Known.NO])
def test_nothing_follows_where_nobody_is_known(known: Known | None) -> None:
    assert known_words(known, "the partners") == ()


def test_what_follows_where_the_other_is_a_patient_or_staff() -> None:
    patient = " ".join(known_words(Known.REGISTERED, None))
    staff = " ".join(known_words(Known.STAFF, "all partners of the practice"))
    for words in (patient, staff):
        assert "record is not opened from here, and nothing is written in it" in words
    assert "not set by your organisation" in patient
    assert "a colleague take one" in patient
    assert "not to one within your organisation" not in patient
    assert "all partners of the practice" in staff
    assert "not to one within your organisation" in staff
    assert "who has opened this record" in staff


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"children": True}, ["836881000000105", "1064961000000107"]),
        ({"pregnant": True}, ["878111000000109"]),
        ({"dangers": (Danger.CHILD,)}, ["836881000000105", "1064961000000107"]),
        ({"children": True, "pregnant": True}, ["836881000000105", "1064961000000107", "878111000000109"]),
    ],
)
def test_a_child_is_for_the_lead_and_a_human_writes(changes: dict[str, object], codes: list[str]) -> None:
    said = replace(QUIET, **changes)  # type: ignore[arg-type]  # changed by name, as each row says
    uk, elsewhere = (children(said, "01632 960 001", uk=uk) for uk in (True, False))
    assert uk is not None
    assert elsewhere is not None
    assert "(01632 960 001)" in uk.words
    assert "this app never does" in uk.words
    assert [code for code, _ in uk.codes] == codes
    assert elsewhere.codes == ()


def test_without_a_lead_it_is_said_that_none_is_set() -> None:
    found = children(replace(QUIET, children=True), None, uk=False)
    assert found is not None
    assert "not set by your organisation" in found.words


@pytest.mark.parametrize("said", [{}, {"children": False, "pregnant": False}])
def test_no_child_no_words(said: dict[str, object]) -> None:
    assert children(replace(QUIET, **said), "1", uk=True) is None  # type: ignore[arg-type]  # as above


def test_codes_of_the_uk_are_proposed_in_the_uk_alone() -> None:
    assert proposals(uk=False) == ()
    found = {code: when for code, _, when in proposals(uk=True)}
    assert "before online access is given" in found["1364731000000104"]
    assert all(found.values())
