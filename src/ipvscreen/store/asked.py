"""What a service is asked to do, as it lies beside its message where the service signs in here."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from ipvscreen.ipv.case_step import Whom
from ipvscreen.ipv.referral import Agreement, ReferralRequest, Sharing
from ipvscreen.store.case_rows import (
    child_from_json,
    release_from_json,
    release_to_json,
    whom_from_json,
    whom_to_json,
)


def asked_to_json(request: ReferralRequest, name: str | None) -> dict[str, Any]:
    """As plain JSON, with the person's name."""
    agreed, shared = request.agreement, request.sharing
    return {
        "service_id": request.service_id,
        "whom": whom_to_json(Whom(name, request.contact)),
        "help_wanted": sorted(request.help_wanted),
        "agreement": agreed and asdict(agreed) | {"until": agreed.until.isoformat()},
        "sharing": shared and asdict(shared),
        "release": request.release and release_to_json(request.release),
        "urgent": request.urgent,
        "child": request.child and asdict(request.child),
    }


def asked_from_json(stored: Mapping[str, Any]) -> tuple[ReferralRequest, str | None]:
    """What `asked_to_json` stored: the request, and the person's name."""
    whom, agreed, shared = whom_from_json(stored["whom"]), stored["agreement"], stored["sharing"]
    request = ReferralRequest(
        service_id=stored["service_id"],
        contact=whom.contact,
        help_wanted=frozenset(stored["help_wanted"]),
        agreement=agreed and Agreement(**agreed | {"until": date.fromisoformat(agreed["until"])}),
        sharing=shared and Sharing(**shared),
        release=stored["release"] and release_from_json(stored["release"]),
        urgent=stored["urgent"],
        child=child_from_json(stored.get("child")),
    )
    return request, whom.name
