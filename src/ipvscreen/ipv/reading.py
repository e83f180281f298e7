"""A draft read against the forms of its visit: the answers by form, and what they say."""

from collections.abc import Mapping

from ipvscreen.ipv.assessment import Assessment, assess
from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.instruments import QUICK, forms_for
from ipvscreen.ipv.person import Setting
from ipvscreen.sdc.answers import Answers, read_answers
from ipvscreen.sdc.form import Form


def read_draft(draft: Draft, forms: Mapping[str, Form], setting: Setting) -> dict[str, Answers]:
    """The answers to every form of the visit, by its name, those never shown included.

    So a negative leaves the same number of entries in the record as a positive. AnswerNotOffered where a
    form offers no such answer.
    """
    names = (*forms_for(setting), QUICK)
    return {name: read_answers(forms[name], draft.entered.get(name, {})) for name in names}


def assess_draft(draft: Draft, forms: Mapping[str, Form], setting: Setting) -> Assessment:
    """What the draft says as it stands; who went to the telephone has said that there is danger."""
    return assess(
        read_draft(draft, forms, setting),
        door=draft.door,
        declined=draft.declined,
        danger=draft.call is not None,
    )
