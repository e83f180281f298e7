"""What this record system says of itself; derived from the tables that the interactions obey."""

from typing import Any, get_args

from ipvscreen.sandbox.assertions import ALGORITHMS
from ipvscreen.sandbox.keys import ALGORITHM
from ipvscreen.sandbox.kinds import SEARCH, may_create, may_delete, may_update, on_condition, parameters
from ipvscreen.sandbox.memory import Resource, instant
from ipvscreen.sandbox.registration import Auth
from ipvscreen.sandbox.scopes import supported
from ipvscreen.sandbox.state import Sandbox
from ipvscreen.sandbox.switches import Switches
from ipvscreen.sandbox.wire import FHIR_JSON

_OAUTH = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"

_FEW_SCOPES = ("openid", "fhirUser", "launch", "profile")

_CAPABILITIES = (
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "context-banner",
    "context-style",
    "context-ehr-patient",
    "context-ehr-encounter",
    "context-standalone-patient",
    "sso-openid-connect",
    "permission-online",
    "permission-offline",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
)


def smart_configuration(sandbox: Sandbox) -> dict[str, Any]:
    """https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html; only what is there is claimed."""
    switches = sandbox.switches
    told: dict[str, Any] = {
        "issuer": switches.told_issuer(sandbox.base_url),
        "jwks_uri": f"{sandbox.base_url}/auth/jwks",
        "authorization_endpoint": f"{sandbox.base_url}/auth/authorize",
        "token_endpoint": sandbox.token_url,
        "token_endpoint_auth_methods_supported": list(get_args(Auth)),
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "response_types_supported": ["code"],
        "scopes_supported": list(_FEW_SCOPES) if switches.few_scopes_listed else supported(),
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "capabilities": list(_CAPABILITIES),
    }
    if not switches.no_s256:
        told["code_challenge_methods_supported"] = ["S256"]
    if switches.issuer_parameter:
        told["authorization_response_iss_parameter_supported"] = True
    return told


def capability_statement(sandbox: Sandbox) -> Resource:
    """The CapabilityStatement of /metadata, with the switches of the moment taken into account."""
    switches = sandbox.switches
    rest: dict[str, Any] = {
        "mode": "server",
        "security": _security(sandbox),
        "resource": [one for kind in sorted(SEARCH) if (one := _resource(kind, switches))["interaction"]],
    }
    several = {"transaction": not switches.no_transaction, "batch": switches.batch}
    if any(several.values()):
        rest["interaction"] = [{"code": code} for code, offered in several.items() if offered]
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
        {"url": "token", "valueUri": sandbox.token_url},
    ]
    smart = {"system": _SECURITY_SERVICE, "code": "SMART-on-FHIR"}
    return {"extension": [{"url": _OAUTH, "extension": endpoints}], "service": [{"coding": [smart]}]}


def _resource(kind: str, switches: Switches) -> dict[str, Any]:
    read = switches.offers(kind, "r")
    codes = {
        "read": read,
        "vread": read and not switches.unversioned,
        "search-type": switches.offers(kind, "s"),
        "history-instance": read and not (switches.no_history or switches.unversioned),
        "create": may_create(kind, switches),
        "update": may_update(kind, switches),
        "delete": may_delete(kind, switches),
    }
    return {
        "type": kind,
        "interaction": [{"code": code} for code, offered in codes.items() if offered],
        **({} if switches.unversioned else {"versioning": "versioned-update"}),
        "readHistory": not (switches.no_history or switches.unversioned),
        "updateCreate": False,
        "conditionalCreate": may_create(kind, switches) and on_condition(kind, switches),
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
        "referencePolicy": ["literal", "local", "enforced"],
        "searchParam": [
            {"name": name, "type": type_} for name, (type_, _) in parameters(kind, switches).items()
        ],
    }
