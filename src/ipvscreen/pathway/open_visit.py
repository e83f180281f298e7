"""Open a visit: who is in the chart, what can be recorded there, and a place of our own to keep it."""

import asyncio
import secrets
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.reader import name_of, person_of, reach_of, relatives_of, setting_of
from ipvscreen.errors import EhrError
from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.person import Setting
from ipvscreen.ipv.proxies import Contacts, contacts_of
from ipvscreen.ipv.visit import VisitState
from ipvscreen.resources.audit_event import taken
from ipvscreen.resources.plan import WritePlan, plan_writes
from ipvscreen.resources.policy import WritePolicy
from ipvscreen.resources.scopes import Scopes
from ipvscreen.smart.context import LaunchContext
from ipvscreen.store.facade import Store
from ipvscreen.store.grant import Grant
from ipvscreen.store.visits import Visit

Body = Mapping[str, Any]
Lists = Literal["kept", "warn", "stop"]

ABSOLUTE_LIMIT = timedelta(minutes=60)  # one consultation; after it a sealed draft waits on the list


async def open_visit(
    store: Store,
    client: FhirClient,
    context: LaunchContext,
    *,
    ehr_name: str,
    default_setting: Setting,
    lists: Lists,
    policy: WritePolicy,
    carriers: Collection[str] = (),
    token_url: str,
    cookie_hash: str,
    now: datetime,
) -> Visit:
    """The stored visit of this launch; EhrError where the patient or the capabilities cannot be read."""
    patient, capability, encounter, author, related = await _read(client, context)
    opened = Visit(
        id=secrets.token_urlsafe(16),
        ehr=ehr_name,
        state=VisitState.OPENED,
        setting=setting_of(encounter, default_setting),
        opened_at=now,
        expires_at=_end(context, now),
        person=person_of(patient),
        plan=_plan(capability, Scopes.parse(context.scope), lists, carriers),
        draft=Draft(),
        written=None,
        last_form=None,
        cookie_hash=cookie_hash,
        age_confirmed=False,
        policy=policy,
        contacts=_contacts(patient, related),
        **_whose(context, author),
    )
    return await store.visits.create(opened, _granted(context, token_url))


def _plan(capability: Body, scopes: Scopes, lists: Lists, carriers: Collection[str]) -> WritePlan:
    """A log is written to where anything is."""
    plan = plan_writes(capability, scopes, lists=lists, carriers=carriers)
    return replace(plan, audit_events=lists != "stop" and taken(capability, scopes))


def _whose(context: LaunchContext, author: Body | None) -> dict[str, Any]:
    who = context.identity
    return {
        "iss": context.iss,
        "patient_id": context.patient_id,
        "encounter_id": context.encounter_id,
        "user": who.user,
        "user_key": who.key(context.iss),
        "user_name": who.name or (name_of(author) if author else None),
    }


def _end(context: LaunchContext, now: datetime) -> datetime:
    """After one consultation, and no later than the token's end, unless that can be made new."""
    latest = now + ABSOLUTE_LIMIT
    return latest if context.refresh_token else min(latest, context.expires_at)


def _granted(context: LaunchContext, token_url: str) -> Grant:
    return Grant(context.access_token, context.expires_at, context.refresh_token, token_url, context.scope)


def _contacts(patient: Body, related: list[Body] | None) -> Contacts:
    return contacts_of(reach_of(patient), relatives_of(patient, related), read=related is not None)


async def _read(
    client: FhirClient, context: LaunchContext
) -> tuple[Body, Body, Body | None, Body | None, list[Body] | None]:
    """Patient, CapabilityStatement, encounter, practitioner, related people, in one wave.

    The last three may be None.
    """
    who, where = context.identity, context.encounter_id
    patient, capability, encounter, author, related = await asyncio.gather(
        client.read("Patient", context.patient_id),
        client.capability(),
        _known(client, where and f"Encounter/{where}"),
        _known(client, None if who.name else who.user),
        _related(client, context),
    )
    return patient, capability, encounter, author, related


async def _related(client: FhirClient, context: LaunchContext) -> list[Body] | None:
    """The related people in the record; None where they cannot be read, which keeps nobody from a visit."""
    if not Scopes.parse(context.scope).allows("RelatedPerson", "s"):
        return None
    try:
        return [*await client.search("RelatedPerson", {"patient": context.patient_id})]
    except EhrError:
        return None


async def _known(client: FhirClient, reference: str | None) -> Body | None:
    """The encounter tells the setting and the practitioner a name: no reason to refuse a visit without."""
    if reference is None:
        return None
    kind, _, ident = reference.partition("/")
    try:
        return await client.read(kind, ident)
    except EhrError:
        return None
