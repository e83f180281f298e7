"""What every page of a visit shows around its own subject: the patient, the ways out, the token."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.ipv.visit import Step, shows
from ipvscreen.messages import clock_said, day_said, message, moment_said
from ipvscreen.store.visits import Visit

WARN_SECONDS = 600  # long enough to finish a page; page.js has the same figure
SETTINGS = {
    Setting.GP: message("General practice"),
    Setting.ANTENATAL: message("Antenatal care"),
    Setting.MENTAL_HEALTH: message("Mental health"),
}
_SEXES = {
    Sex.FEMALE: message("female"),
    Sex.MALE: message("male"),
    Sex.OTHER: message("other"),
    Sex.UNKNOWN: message("sex not known"),
}
_FAILED = message(
    "A form could not work out a result ({what}) What was answered is kept; do the sum yourself."
)
NO_NAME = message("Name not known")


@dataclass(frozen=True, slots=True)
class Banner:
    """Who is on the page, in words."""

    name: str
    age: str
    sex: str
    interpreter: str | None


@dataclass(frozen=True, slots=True)
class Frame:
    """`base` is the path of the visit; the danger link is there wherever the visit may show that page.

    `left`: seconds until the visit ends; `ends` says when, in words. `failed`: what a form did not work out.
    """

    step: str
    base: str
    banner: Banner
    token: str
    danger: bool
    left: int
    ends: str
    failed: str = ""

    @property
    def ending(self) -> bool:
        """Whether the visit ends so soon that the page says so; later its script does."""
        return self.left < WARN_SECONDS


def banner(person: Person, today: date) -> Banner:
    """Always shown: a chart that changed under an open page is how the wrong patient gets an entry."""
    age = person.age_on(today)
    return Banner(
        name=person.name or NO_NAME,
        age=message("age not known") if age is None else message("{age} years", age=age),
        sex=_SEXES[person.sex],
        interpreter=person.interpreter,
    )


def frame(
    visit: Visit,
    step: str,
    token: str,
    now: datetime,
    *,
    base: str = "",
    zone: tzinfo = UTC,
    failed: str = "",
) -> Frame:
    """Around the page of that name; `base` is the path that the app is browsed below."""
    return Frame(
        step=str(step),
        base=f"{base}/v/{visit.id}",
        banner=banner(visit.person, now.date()),
        token=token,
        danger=shows(visit.state, Step.DANGER) and not visit.stopped,
        left=max(0, int((visit.expires_at - now).total_seconds())),
        ends=clock_words(visit.expires_at, zone),
        failed=_FAILED.given(what=failed) if failed else "",
    )


def day_words(day: date) -> str:
    """As in "3 November 2025"."""
    return day_said(day)


def moment_words(moment: datetime, zone: tzinfo) -> str:
    """Local time, as in "Monday 3 November, 14:05"."""
    return moment_said(moment.astimezone(zone))


def clock_words(moment: datetime, zone: tzinfo) -> str:
    """Local time of day, as in "14:05"."""
    return clock_said(moment.astimezone(zone))
