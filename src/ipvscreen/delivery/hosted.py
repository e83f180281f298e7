"""The inbox of a service that signs in here: a message becomes one case, however often it is brought."""

from datetime import datetime

from ipvscreen.delivery.fhir_push import Receipt
from ipvscreen.errors import DeliveryRefused, OutOfOrder
from ipvscreen.store.asked import asked_from_json
from ipvscreen.store.cases import Cases
from ipvscreen.store.jobs import Job


async def take_in(cases: Cases, job: Job, organisation: str, now: datetime) -> Receipt:
    """The receipt for the case; DeliveryRefused where it may not be taken in any more.

    A fault of the store is none of a service's, and is raised as it is: the message is tried again.
    """
    if job.asked is None:
        raise DeliveryRefused(0, "The message does not say what is asked; it was not delivered.")
    request, name = asked_from_json(job.asked)
    try:
        case = await cases.take_in(job.key, request, name, now, organisation)
    except OutOfOrder as refused:
        raise DeliveryRefused(0, str(refused)) from None
    return Receipt(case.taken_in, None, duplicate=case.taken_in != now)
