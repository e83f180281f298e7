"""What the doctor writes on a test patient: one entry of each type that a visit can leave, and no claim.

They are made by the same functions as a visit's, because a server may take one shape and refuse another; but
no question has an answer, and no service stands behind the request: "Connection test" is its name.
"""

from datetime import timedelta

from ipvscreen.ipv.assessment import assess
from ipvscreen.ipv.draft import Recording
from ipvscreen.ipv.person import Person
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, SafeContact
from ipvscreen.ipv.services import Kind, Service
from ipvscreen.ipv.visit import Door
from ipvscreen.resources.context import Context
from ipvscreen.resources.draft import Labelled, business_key
from ipvscreen.resources.labels import About
from ipvscreen.resources.provenance import provenance
from ipvscreen.resources.referral import referral
from ipvscreen.resources.screening import screening
from ipvscreen.sdc.answers import Answers
from ipvscreen.sdc.form import Form

TEST_NAME = "Connection test"
_NOBODY = Person(name=None, birth_date=None)
_NOWHERE = Service(
    id="connection-test",
    kind=Kind.SPECIALIST,
    name=TEST_NAME,
    short_name=TEST_NAME,
    for_whom=TEST_NAME,
    hours="",
    phone="",
    reply_hours=1,
    endpoint="",
)


def probe(ctx: Context, form: Form) -> tuple[Labelled, ...]:
    """One of each type, Provenance last; `ctx.visit_id` is the run's own, so that each run is a new one."""
    unanswered = {form.name: Answers(form, {})}
    full = screening(
        ctx,
        unanswered,
        assess(unanswered, door=Door.ASK),
        Recording.FULL,
        flag=True,
        door=Door.ASK,
        concern=True,
    )
    talk = screening(ctx, {}, assess({}), Recording.CONVERSATION, flag=False, door=None)
    request = ReferralRequest(
        service_id=_NOWHERE.id,
        contact=SafeContact(ContactWay.SHE_CALLS),
        help_wanted=frozenset(),
        agreement=Agreement(out=True, back=False, until=(ctx.at + timedelta(days=1)).date()),
    )
    sent_on = referral(ctx, _NOWHERE, request, _NOBODY, business_key(ctx.visit_id, "referral"))
    one_of_each: dict[str, Labelled] = {}
    for item in (*full, *talk, *sent_on):
        one_of_each.setdefault(item.kind, item)
    entries = tuple(item for kind, item in one_of_each.items() if kind != "Provenance")
    return (*entries, provenance(ctx, entries, About.PROVENANCE))
