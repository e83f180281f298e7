"""What the sheets for a service post, and the plan for a child: closed models, as in `web.fields`."""

from enum import StrEnum
from typing import ClassVar

from ipvscreen.ipv.children import Exposure, Sequence
from ipvscreen.ipv.person import Sex
from ipvscreen.ipv.referral import ContactWay
from ipvscreen.web.fields import Own


class OnSheet(StrEnum):
    """The one button of a sheet on which nothing can be chosen."""

    KEEP = "keep"


class SheetFields(Own):
    """What both sheets share; how people err is told on the page, so these are lenient."""

    many: ClassVar[frozenset[str]] = frozenset({"help"})

    action: OnSheet | None = None
    who: str | None = None
    due: str | None = None

    child: str = ""  # as the page was shown: by then it may be chosen for somebody else

    service: str | None = None
    way: ContactWay | None = None
    number: str | None = None
    shared: bool = False
    times: str | None = None
    voicemail: bool = False
    portal: bool = False
    code_word: str | None = None
    not_to_know: str | None = None
    review: str | None = None
    help: tuple[str, ...] = ()
    urgent: bool = False


class ReferFields(SheetFields):
    """The sheet with agreement."""

    out: bool | None = None
    back: bool | None = None
    until: str | None = None
    signed_on: str | None = None
    release_until: str | None = None


class ShareFields(SheetFields):
    """The sheet without."""

    decided_by: str | None = None
    basis: str | None = None
    told: bool | None = None
    why_not_told: str | None = None


class OnPlan(StrEnum):
    """The button below the plan for a child."""

    PLAN = "plan"


class PlanFields(Own):
    """The plan for a child, or the plan of the child (`child`) for whom a service is chosen."""

    action: OnPlan | None = None
    child: str | None = None
    child_age: str | None = None
    child_sex: Sex | None = None
    exposure: Exposure | None = None
    owner: str | None = None
    interim: str | None = None
    review: str | None = None
    sequence: Sequence | None = None
