"""A referral that is brought by hand: what to say, in order, the letter, and by whom it was brought."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from ipvscreen.ipv.by_hand import ByHand
from ipvscreen.ipv.referral import to_be_asked_again
from ipvscreen.messages import day_said, message
from ipvscreen.pathway.hand_over import Bringing
from ipvscreen.resources.letter import Section

_ASK_AGAIN = message(
    "The safe way to make contact was believed until {day}. Ask the patient again before you hand this over."
)
FIELDS = ("who", "to", "at")


@dataclass(frozen=True, slots=True)
class ByHandForm:
    """What the form posts: `way`, for `key`, and what stands in its fields; `mistakes` by field."""

    way: str
    values: Mapping[str, str]
    mistakes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ByHandView:
    """One referral; `sections` are the words to say, `why_not` is why nothing may be said or printed.

    `ask_again`: that the safe way has to be asked for first.
    """

    key: str
    service: str
    phone: str
    sections: tuple[Section, ...]
    printable: bool
    letter: ByHandForm | None
    telephone: ByHandForm | None
    why_not: str
    ask_again: str = ""


def by_hand_view(
    one: Bringing,
    *,
    who: str | None,
    now: datetime,
    zone: tzinfo,
    values: Mapping[str, str],
    mistakes: Mapping[str, str],
) -> ByHandView:
    """`who` and now stand in the fields at first; `values` and `mistakes` of the form that was not taken."""
    preset = {"who": who or "", "to": "", "at": f"{now.astimezone(zone):%Y-%m-%dT%H:%M}"}
    mine = values.get("referral") == one.referral.id

    def form(way: ByHand) -> ByHandForm | None:
        if way not in one.ways:
            return None
        again = mine and values.get("way") == way
        return ByHandForm(way, preset | (dict(values) if again else {}), mistakes if again else {})

    return ByHandView(
        key=one.referral.id,
        service=one.referral.service_name,
        phone=one.referral.phone,
        sections=one.letter.sections if one.letter else (),
        printable=one.printable,
        letter=form(ByHand.LETTER),
        telephone=form(ByHand.TELEPHONE),
        why_not=one.why_not,
        ask_again=_ask_again(one.referral.review, now.astimezone(zone).date()),
    )


def _ask_again(review: date | None, today: date) -> str:
    if review and to_be_asked_again(review, today):
        return _ASK_AGAIN.given(day=day_said(review))
    return ""
