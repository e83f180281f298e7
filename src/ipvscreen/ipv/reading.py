"""A draft read against the forms of its visit: the answers by form, and what they say."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ipvscreen.ipv.assessment import Assessment, assess
from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.packs import Pack
from ipvscreen.sdc.answers import Answers, read_answers

Launch = Mapping[str, Mapping[str, Any]]


def read_draft(
    draft: Draft, pack: Pack, launch: Launch | None = None, now: datetime | None = None
) -> dict[str, Answers]:
    """The answers by form name; of the two pages of questions also of forms that were never shown.

    So a negative leaves the same number of entries in the record as a positive. A form on a page of its own
    is among them once something was entered. `launch`: resources by the names that expressions know them
    by; `now`: the time that they see. AnswerNotOffered where a form offers no such answer.
    """
    local = now.astimezone(pack.zone) if now is not None else None
    further = (one.form for one in pack.more if draft.entered.get(one.form.name))
    return {
        form.name: read_answers(form, draft.entered.get(form.name, {}), launch=launch, now=local)
        for form in (*pack.shown(), *further)
    }


def assess_draft(
    draft: Draft, pack: Pack, launch: Launch | None = None, now: datetime | None = None
) -> Assessment:
    """What the draft says as it stands; who went to the telephone has said that there is danger."""
    return assess(
        read_draft(draft, pack, launch, now),
        door=draft.door,
        declined=draft.declined,
        danger=draft.call is not None,
    )
