"""Record systems as they describe themselves, by name: what `ipvscreen sandbox --profile` switches on.

Epic and Oracle Health after the CapabilityStatements of their public sandboxes, captured in
`api-evangelist/epic-systems` (2026-07-24) and `api-evangelist/cerner` (2026-08-14); a customer's site may
differ. Medplum and HAPI after their published documents and issues. `minimal` is nobody's: it offers as
little as an app can meet.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ipvscreen.sandbox.kinds import SEARCH, WRITABLE
from ipvscreen.sandbox.switches import Switches


def _offered(**letters: str) -> dict[str, str]:
    """By type the letters of cruds; what is not written about is read and searched."""
    return dict.fromkeys(SEARCH.keys() - WRITABLE, "rs") | letters


def _epic(switches: Switches) -> None:
    """Creates one by one and on no condition; no new Flag, Task, Consent or Provenance."""
    switches.offered = _offered(
        QuestionnaireResponse="crs",
        Observation="crus",
        Flag="rs",
        Procedure="crus",
        Provenance="r",
        ServiceRequest="crus",
        Task="rus",
        Consent="rs",
        DocumentReference="crus",
        Communication="crs",
        Condition="crs",
    )
    switches.no_transaction = switches.no_conditional_create = switches.no_delete = True
    switches.unversioned = switches.few_scopes_listed = True
    switches.issuer = "https://fhir.epic.com/interconnect-fhir-oauth/oauth2"


def _oracle_health(switches: Switches) -> None:
    """Batches and no transaction; no new QuestionnaireResponse, ServiceRequest or Consent, and no Flag."""
    switches.offered = _offered(
        QuestionnaireResponse="rus",
        Observation="crus",
        Procedure="crs",
        Provenance="crs",
        ServiceRequest="rs",
        Consent="rs",
        DocumentReference="crus",
        Communication="crs",
        Condition="crs",
    )
    switches.no_transaction = switches.no_conditional_create = switches.no_delete = True
    switches.batch = switches.unversioned = True
    switches.unfindable = set(WRITABLE)
    switches.empty_201 = switches.strict_accept = True
    switches.issuer = "https://authorization.cerner.com/tenants/ec2458f2-1e24-41c8-b71b-0e701af7583d"


def _medplum(switches: Switches) -> None:
    """Takes everything, and may tell the id of a new entry in its body alone (medplum/medplum#3057)."""
    switches.batch = switches.no_location = True


def _hapi(switches: Switches) -> None:
    """Takes everything, and leaves labels out of its Bundles (hapifhir/hapi-fhir#8362)."""
    switches.batch = True
    switches.labels_missing_in_search = switches.labels_missing_in_history = True


def _minimal(switches: Switches) -> None:
    """Takes whole forms and tasks, one by one; understands the scopes of version 1 alone."""
    switches.offered = _offered(QuestionnaireResponse="crs", Task="crs", Condition="rs")
    switches.no_transaction = switches.no_conditional_create = switches.no_delete = True
    switches.unversioned = switches.no_v2_scopes = True
    switches.unfindable = {"QuestionnaireResponse", "Task"}


PROFILES: dict[str, Callable[[Switches], None]] = {
    "epic": _epic,
    "oracle-health": _oracle_health,
    "medplum": _medplum,
    "hapi": _hapi,
    "minimal": _minimal,
}

# What the [[ehr]] entry of an app has to say that is used with such a record system.
SETTINGS: dict[str, Mapping[str, Any]] = {
    "epic": {},
    "oracle-health": {"carriers": ("DocumentReference",)},
    "medplum": {},
    "hapi": {"labels_in_lists": "warn"},
    "minimal": {"scopes": "v1"},
}
