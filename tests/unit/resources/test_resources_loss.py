"""Eight ways of losing a label, each told from what was sent and what was seen."""

from typing import Any

import pytest

from ipvscreen.resources.labels import About, labels_of
from ipvscreen.resources.loss import Loss, Seen, loss_of
from ipvscreen.resources.terminology import ACT_CODE, CONFIDENTIALITY

SYSTEM = "https://codes.example"


def body(*labels: dict[str, Any], version: str = "1", bare: bool = False) -> dict[str, Any]:
    meta = {"versionId": version} if bare else {"versionId": version, "security": list(labels)}
    return {"resourceType": "Flag", "id": "1", "meta": meta}


def coding(code: str, system: str = ACT_CODE) -> dict[str, Any]:
    return {"system": system, "code": code}


LABELS = labels_of(About.SCREEN)
SENT = {"resourceType": "Flag", "meta": {"security": list(LABELS)}}
WHOLE = body(*LABELS)
BARE = body(bare=True)
R, N = coding("R", CONFIDENTIALITY), coding("N", CONFIDENTIALITY)
SDV, NOPAT = coding("SDV"), coding("NOPAT")
ELSEWHERE = body(*(label | {"system": SYSTEM} for label in LABELS))


@pytest.mark.parametrize(
    ("stored", "loss"),
    [
        (WHOLE, None),
        (body(NOPAT | {"display": "said otherwise"}, SDV, R, coding("x")), None),
        (body(bare=True), Loss.DROPPED),
        (body(), Loss.DROPPED),
        ({"resourceType": "Flag"}, Loss.DROPPED),
        ({"resourceType": "Flag", "meta": None}, Loss.DROPPED),
        ({"resourceType": "Flag", "meta": "R"}, Loss.DROPPED),
        *(
            ({"meta": {"security": one}}, Loss.DROPPED)
            for one in ("R", 7, ["R", "NOPAT"], [None], {"code": "R"})
        ),
        ({"meta": {"security": [{"code": ["R"]}, {"system": {}}]}}, Loss.DROPPED),
        (body(coding("x"), coding("y", SYSTEM)), Loss.DROPPED),
        (body(N, SDV, NOPAT), Loss.DOWNGRADED),
        (body(N), Loss.DOWNGRADED),
        (body(R), Loss.DOWNGRADED),
        (body(R, SDV), Loss.DOWNGRADED),
        (body(R, SDV, coding("x", SYSTEM)), Loss.DOWNGRADED),
        (ELSEWHERE, Loss.OTHER_SYSTEM),
        (body(R, SDV, coding("NOPAT", SYSTEM)), Loss.OTHER_SYSTEM),
        (body(coding("R", SYSTEM)), Loss.DROPPED),
        (body(coding("R", ACT_CODE), SDV, NOPAT), Loss.OTHER_SYSTEM),
    ],
)
def test_what_stands_on_it_by_id_tells_three_of_them(stored: dict[str, Any], loss: Loss | None) -> None:
    seen = Seen(stored, by_search=stored, versions=(stored,))
    assert loss_of(SENT, seen, seen) is loss


@pytest.mark.parametrize(
    ("seen", "loss"),
    [
        (Seen(WHOLE), None),
        (Seen(WHOLE, by_search=WHOLE, versions=(WHOLE, body(*LABELS, version="2"))), None),
        (Seen(body(bare=True, version="2"), versions=(WHOLE, body(bare=True, version="2"))), Loss.ON_UPDATE),
        (Seen(body(N, version="3"), by_search=BARE, versions=(WHOLE,)), Loss.ON_UPDATE),
        # What only the list shows with its labels is no earlier version.
        (Seen(BARE, by_search=WHOLE, versions=(WHOLE,)), Loss.DROPPED),
        (Seen(body(bare=True, version="2"), versions=(BARE,)), Loss.DROPPED),
        (Seen(WHOLE, by_search=BARE, versions=(WHOLE,)), Loss.IN_SEARCH),
        (Seen(WHOLE, by_search=ELSEWHERE, versions=(BARE,)), Loss.IN_SEARCH),
        (Seen(WHOLE, by_search=WHOLE, versions=(BARE,)), Loss.IN_HISTORY),
        (Seen(body(*LABELS, version="2"), versions=(body(*LABELS, version="2"), BARE)), Loss.IN_HISTORY),
        (Seen(None, gone=True), Loss.NOT_SAVED),
        (Seen(None, gone=True, by_search=BARE), None),
        (Seen(None), None),
    ],
)
def test_where_it_shows_tells_the_others(seen: Seen, loss: Loss | None) -> None:
    assert loss_of(SENT, seen, seen) is loss


@pytest.mark.parametrize(
    "first",
    [
        Seen(BARE),
        Seen(body(N)),
        Seen(None, gone=True),
        Seen(WHOLE, by_search=BARE),
        Seen(WHOLE, versions=(BARE,)),
    ],
)
def test_missing_at_the_first_look_and_there_at_the_second_is_late(first: Seen) -> None:
    assert loss_of(SENT, first, Seen(WHOLE, by_search=WHOLE, versions=(WHOLE,))) is Loss.LATE
    assert loss_of(SENT, first, first) not in (Loss.LATE, None), "control: without the second look"


def test_what_cannot_be_read_in_the_end_is_not_late() -> None:
    assert loss_of(SENT, Seen(BARE), Seen(None)) is None


def test_a_search_that_lags_is_no_loss() -> None:
    assert loss_of(SENT, Seen(WHOLE), Seen(WHOLE, by_search=WHOLE)) is None


def test_each_way_is_reached() -> None:
    """Or the tables above could leave one out."""
    seen = [
        (Seen(BARE), Seen(BARE)),
        (Seen(body(N)), Seen(body(N))),
        (Seen(ELSEWHERE), Seen(ELSEWHERE)),
        (Seen(BARE), Seen(body(bare=True, version="2"), versions=(WHOLE,))),
        (Seen(WHOLE), Seen(WHOLE, by_search=BARE)),
        (Seen(WHOLE), Seen(WHOLE, versions=(BARE,))),
        (Seen(None, gone=True), Seen(None, gone=True)),
        (Seen(BARE), Seen(WHOLE)),
    ]
    assert {loss_of(SENT, *looks) for looks in seen} == set(Loss)
