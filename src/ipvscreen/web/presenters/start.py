"""The first page: is it safe to ask, what can be recorded here, and which door."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from ipvscreen.ipv.gate import Gate
from ipvscreen.ipv.packs import Pack
from ipvscreen.ipv.person import Setting
from ipvscreen.ipv.visit import Door
from ipvscreen.messages import message
from ipvscreen.resources.fallback import Rest
from ipvscreen.resources.plan import Ability
from ipvscreen.store.visits import Visit
from ipvscreen.web import words
from ipvscreen.web.presenters.earlier import NOTHING_EARLIER, EarlierList
from ipvscreen.web.presenters.frame import SETTINGS, Frame, moment_words
from ipvscreen.web.presenters.record import kind_words

LISTS_BARE = message(
    "Lists in this record system may show what is recorded here without its protection: to staff, and to"
    " whatever shows such lists."
)
_LABELS = {
    Door.ASK: message("Alone and safe: ask"),
    Door.TOLD: message("Already told me"),
    Door.WORRIED: message("Worried anyway"),
    Door.DANGER: message("Danger now"),
    Door.FROM_RECORD: message("From the record"),
    Door.NOT_NOW: message("Not now"),
}


@dataclass(frozen=True, slots=True)
class DoorButton:
    """One door; exactly one on the page is primary."""

    value: str
    label: str
    primary: bool


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A form this clinician began; `resume` is its id only where it is about this patient."""

    words: str
    resume: str | None


@dataclass(frozen=True, slots=True)
class StartPage:
    """The page; `by_hand` where something is not in the record unless a person enters it."""

    frame: Frame
    gate: str
    sentences: tuple[str, ...]
    needs_age_confirmed: bool
    age_from: int
    can: tuple[str, ...]
    cannot: tuple[Ability, ...]
    by_hand: bool
    lists_bare: str
    no_service: bool
    doors: tuple[DoorButton, ...]
    settings: tuple[tuple[str, str, bool], ...]
    unfinished: tuple[Unfinished, ...]
    mistakes: Mapping[str, str]
    earlier: EarlierList


def start_page(
    frame: Frame,
    visit: Visit,
    gate: Gate,
    pack: Pack,
    *,
    unfinished: Sequence[Visit],
    services: int,
    zone: tzinfo,
    mistakes: Mapping[str, str],
    earlier: EarlierList = NOTHING_EARLIER,
) -> StartPage:
    """The first page of that visit; `services` is how many stand in the directory."""
    return StartPage(
        frame=frame,
        gate=words.GATE,
        sentences=(*gate.sentences, *pack.refused) if gate.may_ask else gate.sentences,
        needs_age_confirmed=gate.needs_age_confirmed and bool(pack.ask),
        age_from=pack.age_from,
        can=kind_words((one.kind for one in visit.plan.abilities if one.allowed), visit.plan),
        cannot=visit.plan.cannot(),
        by_hand=any(ability.rest is Rest.HAND for ability in visit.plan.cannot()),
        lists_bare=LISTS_BARE if visit.plan.lists_bare else "",
        no_service=services == 0,
        doors=_doors(visit.setting, may_ask=gate.may_ask and bool(pack.ask)),
        settings=tuple((value.value, label, value is visit.setting) for value, label in SETTINGS.items()),
        unfinished=tuple(_unfinished(old, visit, zone) for old in unfinished),
        mistakes=mistakes,
        earlier=earlier,
    )


def _doors(setting: Setting, *, may_ask: bool) -> tuple[DoorButton, ...]:
    shut = set() if may_ask else {Door.ASK}
    if setting is not Setting.MENTAL_HEALTH:
        shut.add(Door.FROM_RECORD)
    first = Door.ASK if may_ask else Door.NOT_NOW
    return tuple(
        DoorButton(door.value, label, door is first) for door, label in _LABELS.items() if door not in shut
    )


def same_person(old: Visit, new: Visit) -> bool:
    """Whether both visits are about the same patient of the same record system."""
    return (old.iss, old.patient_id) == (new.iss, new.patient_id)


def _unfinished(old: Visit, new: Visit, zone: tzinfo) -> Unfinished:
    begun = moment_words(old.opened_at, zone)
    if same_person(old, new):
        return Unfinished(message("This patient, begun {begun}", begun=begun), old.id)
    return Unfinished(
        message("Another patient, begun {begun}. To go on, open it from that patient's record.", begun=begun),
        None,
    )
