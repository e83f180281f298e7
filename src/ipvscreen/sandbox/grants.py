"""What goes back for a code or a refresh token: the token, and next to it the context of the launch."""

from datetime import timedelta
from typing import Any

from ipvscreen.sandbox.keys import id_token
from ipvscreen.sandbox.oauth import Asked, OAuthError, answers
from ipvscreen.sandbox.scopes import REFRESH
from ipvscreen.sandbox.state import Sandbox
from ipvscreen.sandbox.tickets import Authorization, Launch, Spent
from ipvscreen.sandbox.tokens import Family

TENANT = "mill-lane"


def granted_for_code(sandbox: Sandbox, asked: Asked) -> dict[str, Any]:
    """The answer to a code (RFC 6749, 4.1.3); OAuthError where it may not be used."""
    code = asked.need("code")
    granted = _authorization(sandbox, asked, code)
    family = _family(sandbox, granted)
    sandbox.tokens.begin(code, family)
    answer = _token(sandbox, family, family.scope)
    if set(REFRESH) & set(family.scope.split()):
        answer["refresh_token"] = sandbox.tokens.refresh_token(family)
    if "openid" in family.scope.split() and not sandbox.switches.omit_id_token:
        answer["id_token"] = _id_token(sandbox, granted, family.scope)
    return answer


def granted_for_refresh(sandbox: Sandbox, asked: Asked) -> dict[str, Any]:
    """The answer to a refresh token (RFC 6749, 6): the same patient, and never a wider scope."""
    value = asked.need("refresh_token")
    try:
        family = sandbox.tokens.redeem(value)
    except Spent as spent:
        raise OAuthError("invalid_grant", str(spent)) from spent
    scope = asked.given.get("scope") or family.scope
    if not set(scope.split()) <= set(family.scope.split()):
        raise OAuthError("invalid_scope", "A refresh cannot ask for more than was granted at first.")
    answer = _token(sandbox, family, scope)
    if not sandbox.switches.keep_refresh_token:
        answer["refresh_token"] = sandbox.tokens.refresh_token(family)
    return answer


def _authorization(sandbox: Sandbox, asked: Asked, code: str) -> Authorization:
    """What the code stands for, once, and only for whoever began it."""
    checked = not sandbox.switches.no_s256
    redirect_uri = asked.need("redirect_uri")
    verifier = asked.need("code_verifier") if checked else ""
    try:
        granted = sandbox.codes.spend(code)
    except Spent as spent:
        sandbox.tokens.revoke_of(code)
        raise OAuthError("invalid_grant", str(spent)) from spent
    if redirect_uri != granted.request.redirect_uri:
        raise OAuthError("invalid_grant", "The redirect_uri is not the one to which the code was sent.")
    if checked and not answers(verifier, granted.request.challenge or ""):
        raise OAuthError("invalid_grant", "The code_verifier does not belong to this code.")
    return granted


def _family(sandbox: Sandbox, granted: Authorization) -> Family:
    switches = sandbox.switches
    kept = [one for one in granted.request.scope.split() if one not in switches.narrow_scopes]
    scope = " ".join(kept) if switches.narrow_scope is None else switches.narrow_scope
    ends_at = sandbox.clock() + timedelta(seconds=switches.refresh_expires_in)
    return Family(scope, granted.launch, ends_at, online="offline_access" not in scope.split())


def _token(sandbox: Sandbox, family: Family, scope: str) -> dict[str, Any]:
    context = _context(sandbox, family.launch, set(scope.split()))
    token = sandbox.tokens.issue(
        scope=scope,
        user=f"Practitioner/{family.launch.clinician}",
        patient=context.get("patient"),
        expires_in=sandbox.switches.expires_in,
        family=family,
    )
    answer: dict[str, Any] = {"access_token": token, "token_type": "Bearer", "scope": scope}
    return answer | {"expires_in": sandbox.switches.expires_in, **context}


def _context(sandbox: Sandbox, launch: Launch, scopes: set[str]) -> dict[str, Any]:
    """What SMART 2.2 puts next to a token, as far as the scopes that were granted ask for it."""
    context: dict[str, Any] = {"smart_style_url": f"{sandbox.base_url}/style/v1.json"}
    by_ehr = "launch" in scopes
    if by_ehr:
        # No Patient and no Encounter here: they have members of their own (SMART 2.2, fhirContext).
        role = {"reference": f"PractitionerRole/{launch.clinician}-role", "type": "PractitionerRole"}
        context |= {"tenant": TENANT, "fhirContext": [role]}
        context |= {"intent": launch.intent} if launch.intent else {}
    if by_ehr or "launch/patient" in scopes:
        context |= _chart(sandbox, launch, context.get("fhirContext", []))
    return context


def _chart(sandbox: Sandbox, launch: Launch, others: list[dict[str, str]]) -> dict[str, Any]:
    """The patient and the encounter, where a chart is open."""
    switches = sandbox.switches
    if launch.patient is None or switches.no_patient:
        return {}
    chart: dict[str, Any] = {"patient": launch.patient, "need_patient_banner": not launch.framed}
    if launch.encounter and switches.encounter_in_fhir_context:
        chart["fhirContext"] = [*others, {"reference": f"Encounter/{launch.encounter}"}]
    elif launch.encounter:
        chart["encounter"] = launch.encounter
    if switches.omit_patient:
        del chart["patient"], chart["need_patient_banner"]
    return chart


def _id_token(sandbox: Sandbox, granted: Authorization, scope: str) -> str:
    clinician = granted.launch.clinician
    user = f"{sandbox.fhir_base}/Practitioner/{clinician}" if "fhirUser" in scope.split() else None
    return id_token(
        issuer=sandbox.switches.told_issuer(sandbox.base_url),
        client_id=sandbox.app.client_id,
        fhir_user=user,
        subject=clinician,
        nonce=granted.request.nonce,
        now=sandbox.clock(),
    )
