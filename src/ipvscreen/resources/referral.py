"""A referral as it stands in the record system: no way to reach the person, no reason, no answer."""

from ipvscreen.ipv.person import Person
from ipvscreen.ipv.referral import ReferralRequest
from ipvscreen.ipv.services import Service
from ipvscreen.resources.context import Context
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.fitting import fitted
from ipvscreen.resources.labels import About
from ipvscreen.resources.message import message
from ipvscreen.resources.plan import WritePlan
from ipvscreen.resources.request import Parties, request_entries
from ipvscreen.resources.whose import only_theirs

__all__ = ["message", "referral"]


def referral(
    ctx: Context,
    service: Service,
    request: ReferralRequest,
    person: Person,
    key: str,
    plan: WritePlan | None = None,
) -> tuple[Labelled, ...]:
    """Consent (if the person agreed), ServiceRequest and Task; `key` is the referral's own UUID.

    With a `plan`, as that record system can hold them.
    """
    name = {"display": person.name} if person.name else {}
    parties = Parties(
        patient=ctx.patient | name,
        clinician=ctx.clinician,
        at=ctx.instant,
        about=About.REFERRAL,
        encounter=ctx.encounter,
        labels=ctx.policy.labels,
    )
    return fitted(plan, only_theirs(request_entries(key, service, request, parties), ctx.patient_id))
