"""What this record system says of itself; derived from the tables that the interactions obey."""

from typing import Any

from ipvscreen.sandbox.keys import ALGORITHM
from ipvscreen.sandbox.kinds import SEARCH, WRITABLE, may_create
from ipvscreen.sandbox.memory import Resource, instant
from ipvscreen.sandbox.scopes import supported
from ipvscreen.sandbox.state import Sandbox
from ipvscreen.sandbox.switches import Switches
from ipvscreen.sandbox.wire import FHIR_JSON

_OAUTH = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"


def smart_configuration(sandbox: Sandbox) -> dict[str, Any]:
    """https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html; only what is there is claimed."""
    return {
        "issuer": sandbox.base_url,
        "jwks_uri": f"{sandbox.base_url}/auth/jwks",
        "authorization_endpoint": f"{sandbox.base_url}/auth/authorize",
        "token_endpoint": f"{sandbox.base_url}/auth/token",
        "token_endpoint_auth_methods_supported": ["none"],
        "grant_types_supported": ["authorization_code"],
        "response_types_supported": ["code"],
        "scopes_supported": supported(),
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "capabilities": [
            "launch-ehr",
            "authorize-post",
            "client-public",
            "context-banner",
            "context-ehr-patient",
            "context-ehr-encounter",
            "sso-openid-connect",
            "permission-patient",
            "permission-user",
            "permission-v1",
            "permission-v2",
        ],
    }


def capability_statement(sandbox: Sandbox) -> Resource:
    """The CapabilityStatement of /metadata, with the switches of the moment taken into account."""
    switches = sandbox.switches
    rest: dict[str, Any] = {
        "mode": "server",
        "security": _security(sandbox),
        "resource": [_resource(kind, switches) for kind in sorted(SEARCH)],
    }
    if not switches.no_transaction:
        rest["interaction"] = [{"code": "transaction", "documentation": "All entries or none; no batch."}]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": instant(sandbox.clock()),
        "kind": "instance",
        "software": {"name": "Sandbox record system"},
        "implementation": {"description": "For demonstration and tests, in memory", "url": sandbox.fhir_base},
        "fhirVersion": "4.0.1",
        "format": [FHIR_JSON],
        "rest": [rest],
    }


def _security(sandbox: Sandbox) -> dict[str, Any]:
    """The place where servers told their endpoints before smart-configuration; both are still read."""
    endpoints = [
        {"url": "authorize", "valueUri": f"{sandbox.base_url}/auth/authorize"},
        {"url": "token", "valueUri": f"{sandbox.base_url}/auth/token"},
    ]
    smart = {"system": _SECURITY_SERVICE, "code": "SMART-on-FHIR"}
    return {"extension": [{"url": _OAUTH, "extension": endpoints}], "service": [{"coding": [smart]}]}


def _resource(kind: str, switches: Switches) -> dict[str, Any]:
    codes = ["read", "vread", "history-instance", "search-type"]
    if may_create(kind, switches):
        codes.append("create")
    if kind in WRITABLE:
        codes.append("update")
    return {
        "type": kind,
        "interaction": [{"code": code} for code in codes],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": False,
        "conditionalCreate": may_create(kind, switches) and not switches.no_conditional_create,
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
        "referencePolicy": ["literal", "local", "enforced"],
        "searchParam": [{"name": name, "type": type_} for name, (type_, _) in SEARCH[kind].items()],
    }
