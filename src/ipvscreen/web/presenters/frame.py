"""What every page of a visit shows around its own subject: the patient, the ways out, the token."""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.ipv.visit import Step, shows
from ipvscreen.store.visits import Visit

SETTINGS = {
    Setting.GP: "General practice",
    Setting.ANTENATAL: "Antenatal care",
    Setting.MENTAL_HEALTH: "Mental health",
}


@dataclass(frozen=True, slots=True)
class Banner:
    """Who is on the page, in words."""

    name: str
    age: str
    sex: str
    interpreter: str | None


@dataclass(frozen=True, slots=True)
class Frame:
    """`base` is `/v/<visit>`; the danger link is there wherever the visit may show that page."""

    step: str
    base: str
    banner: Banner
    token: str
    danger: bool


def banner(person: Person, today: date) -> Banner:
    """Always shown: a chart that changed under an open page is how the wrong patient gets an entry."""
    age = person.age_on(today)
    return Banner(
        name=person.name or "Name not known",
        age="age not known" if age is None else f"{age} years",
        sex="sex not known" if person.sex is Sex.UNKNOWN else person.sex.value,
        interpreter=person.interpreter,
    )


def frame(visit: Visit, step: Step, token: str, now: datetime) -> Frame:
    """Around the page of that step."""
    return Frame(
        step=step.value,
        base=f"/v/{visit.id}",
        banner=banner(visit.person, now.date()),
        token=token,
        danger=shows(visit.state, Step.DANGER),
    )


def day_words(day: date) -> str:
    """As in "3 November 2025"."""
    return f"{day.day} {day:%B %Y}"


def moment_words(moment: datetime, zone: tzinfo) -> str:
    """Local time, as in "Monday 3 November, 14:05"."""
    local = moment.astimezone(zone)
    return f"{local:%A} {local.day} {local:%B}, {local:%H:%M}"


def clock_words(moment: datetime, zone: tzinfo) -> str:
    """Local time of day, as in "14:05"."""
    return f"{moment.astimezone(zone):%H:%M}"
