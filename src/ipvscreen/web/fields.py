"""What a form posted, read strictly: answers by form and linkId, our own fields by closed models."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import Request

from ipvscreen.errors import IpvscreenError
from ipvscreen.ipv.draft import Call, Known, Recording
from ipvscreen.ipv.packs import Reason
from ipvscreen.ipv.person import Setting
from ipvscreen.ipv.visit import Door
from ipvscreen.messages import message
from ipvscreen.resources.reasons import Why
from ipvscreen.sdc.form import Form

_MOST_BYTES = 200_000
_MOST_FIELDS = 2_000  # a form of 400 items with several answers each
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # R4, string: tab and line ends alone
_URLENCODED = "application/x-www-form-urlencoded"

NOT_OFFERED = message("The form holds something that this page does not offer.")

Posted = Mapping[str, tuple[str, ...]]


class FieldsRefused(IpvscreenError):
    """The form holds something that the page does not offer; its names and values are never repeated."""


async def read_form(request: Request) -> Posted:
    """Every field with its values; empty ones are left out, as nothing was chosen or typed.

    Urlencoded only: a multipart parser would spool parts to disk.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _URLENCODED:
        raise FieldsRefused(message("This is not a form of this page."))
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise FieldsRefused(message("The form is too long."))
    try:
        pairs = parse_qsl(body.decode(), max_num_fields=_MOST_FIELDS, encoding="utf-8", errors="strict")
    except ValueError:
        raise FieldsRefused(message("The form cannot be read.")) from None
    if any(_CONTROL.search(text) for pair in pairs for text in pair):
        raise FieldsRefused(message("The form holds characters that cannot be used."))
    posted: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        posted[name] = (*posted.get(name, ()), value)
    return posted


def split(posted: Posted, forms: Iterable[Form]) -> tuple[dict[str, dict[str, tuple[str, ...]]], Posted]:
    """The answers by form name and field, and the fields that are no item of these forms.

    A field begins with its item's linkId; what may follow is for the form to say (`link~2.3~unit`).
    """
    rest = dict(posted)
    entered: dict[str, dict[str, tuple[str, ...]]] = {}
    for form in forms:
        link_ids = {item.link_id for item in form.questions()}
        fields = [field for field in rest if field.partition("~")[0] in link_ids]
        entered[form.name] = {field: rest.pop(field) for field in fields}
    return entered, rest


class Own(BaseModel):
    """Our own fields of one page: closed, each once but for those named in `many`."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, str_max_length=300)
    many: ClassVar[frozenset[str]] = frozenset()


class StartFields(Own):
    """A door, or a form to resume; pressing one of the doors attests what the gate says."""

    door: Door | None = None
    resume: str | None = None
    account: bool = False
    earlier: str | None = None
    again: str | None = None
    setting: Setting | None = None
    age_confirmed: bool = False


class Otherwise(StrEnum):
    """What the page of questions can end with instead of answers."""

    DECLINED = "declined"
    NEVER_HAD_A_PARTNER = "never-had-a-partner"


class QuestionsFields(Own):
    """How it is recorded; `other` ends the questions without answers, `open` names a form on its own page."""

    recording: Recording = Recording.FULL
    other: Otherwise | None = None
    reason: Reason | None = None
    open: str | None = None


class RespondFields(Own):
    """How it is recorded, whether flag and health concern are, and whether the other person is known here."""

    recording: Recording = Recording.FULL
    flag: bool = False
    concern: bool = False
    known: Known | None = None
    open: str | None = None


class Then(StrEnum):
    """Where the buttons of the page about own conduct lead."""

    STAY = "stay"
    FIRST_PAGE = "first-page"
    CLOSE = "close"


class DraftFields(RespondFields):
    """What the script keeps meanwhile, of either page of questions."""

    reason: Reason | None = None


class AccountFields(Own):
    """What follows once it is kept: the first page, the end, or the same page."""

    then: Then = Then.STAY


class FormFields(Own):
    """A form on a page of its own: another page of it, one more of the group named, or left out."""

    page: Annotated[int, Field(ge=0, le=_MOST_FIELDS)] | None = None
    more: str | None = None
    leave: bool = False


# What a page posts only when that button is pressed.
BUTTONS = frozenset({"other", "open", "page", "more", "leave", "then"})


class DangerFields(Own):
    """What became of the call."""

    call: Call | None = None


class Action(StrEnum):
    """The buttons of the last pages."""

    RETRY = "retry"
    BY_HAND = "by-hand"
    CLOSE = "close"
    FOLLOW_UP = "follow-up"
    NOT_DONE = "not-done"
    STOP = "stop"


class ActionFields(Own):
    """A button, with the day, the reason or the referral that goes with it."""

    action: Action | None = None  # none beside `stop`, which names the referral
    stop: str | None = None
    due: str | None = None
    reason: str | None = None

    @model_validator(mode="after")
    def _one_button(self) -> "ActionFields":
        if (self.action is None) == (self.stop is None):
            raise ValueError("one button")
        return self


class Amend(StrEnum):
    """The buttons of the page of an earlier form."""

    SAVE = "save"
    LEAVE = "leave"
    ERROR = "error"
    HIDE = "hide"
    WITHDRAW = "withdraw"
    STOP = "stop"
    TELL_NOTHING = "tell-nothing"
    FIRST_PAGE = "first-page"
    CLOSE = "close"


class EarlierFields(Own):
    """A button; `correct` names the response to be corrected, `more` the group that gets one place more."""

    action: Amend | None = None
    correct: str | None = None
    more: str | None = None
    why: Why | None = None


class GoOnFields(Own):
    """What the page of a stopped visit carries on, sealed."""

    model_config = ConfigDict(str_max_length=_MOST_BYTES)
    entered: str | None = None


Fields = TypeVar("Fields", bound=Own)


def own(model: type[Fields], posted: Posted) -> Fields:
    """The fields of one page; FieldsRefused for one too many, one twice, or a value that is not offered."""
    values: dict[str, Any] = {}
    for name, given in posted.items():
        if name not in model.many and len(given) > 1:
            raise FieldsRefused(message("A field of this form came twice."))
        values[name] = given if name in model.many else given[0]
    try:
        return model.model_validate(values)
    except ValidationError:
        raise FieldsRefused(NOT_OFFERED) from None
