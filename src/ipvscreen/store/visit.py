"""One visit, and how it lies in its row: what is looked up plain, all else sealed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypedDict

from sqlalchemy import RowMapping

from ipvscreen.ipv.draft import Draft, draft_from_json, draft_to_json
from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.ipv.proxies import Contacts, Way
from ipvscreen.ipv.visit import VisitState
from ipvscreen.resources.context import Context
from ipvscreen.resources.plan import WritePlan, plan_from_json, plan_to_json
from ipvscreen.resources.policy import WritePolicy, policy_from_json, policy_to_json
from ipvscreen.resources.written import Written, written_from_json, written_to_json
from ipvscreen.store.grant import Grant
from ipvscreen.store.sealed import SealedTable


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit. `user_key` tells the clinician from every other, None where the record system does not.

    `held`: it holds a disclosure, and stands on the clinician's list until that is sent on or finished.
    `cookie_hash` is the SHA-256 of the one cookie that opens it. `version` counts the changes.
    `stopped`: the clinician has opened another since; no change of the visit, so that what is being
    written meanwhile keeps its result.
    """

    id: str
    ehr: str
    iss: str
    patient_id: str
    encounter_id: str | None
    user: str | None
    user_key: str | None
    user_name: str | None
    state: VisitState
    setting: Setting
    opened_at: datetime
    expires_at: datetime
    person: Person
    plan: WritePlan
    draft: Draft
    written: Written | None
    last_form: str | None
    cookie_hash: str
    age_confirmed: bool
    held: bool = False
    referred_in_record: Written | None = None
    version: int = 1
    stopped: bool = False
    policy: WritePolicy = field(default_factory=WritePolicy)
    contacts: Contacts = field(default_factory=Contacts)

    @property
    def label_lost(self) -> bool:
        """Whether the record has lost a label in this visit: then nothing more of it goes there."""
        return any(one is not None and one.label_lost for one in (self.written, self.referred_in_record))

    def context(self) -> Context:
        """Whose record is written to, and by whom; the time is that of the conversation."""
        return Context(
            visit_id=self.id,
            patient_id=self.patient_id,
            encounter_id=self.encounter_id,
            author=self.user,
            author_name=self.user_name,
            at=self.opened_at,
            policy=self.policy,
        )

    def launch(self) -> dict[str, dict[str, Any]]:
        """Who and where, as minimal resources, by the names that expressions of forms know them by."""
        born = self.person.birth_date
        patient = {
            "resourceType": "Patient",
            "id": self.patient_id,
            "gender": self.person.sex.value,
            **({"birthDate": born.isoformat()} if born else {}),
            **({"name": [{"text": self.person.name}]} if self.person.name else {}),
        }
        kind, _, ident = (self.user or "").rpartition("/")
        user = {"user": {"resourceType": kind, "id": ident}} if kind else {}
        where = self.encounter_id
        encounter = {"encounter": {"resourceType": "Encounter", "id": where}} if where else {}
        return {"patient": patient, **user, **encounter}


class VisitChanges(TypedDict, total=False):
    """What may change in a visit; a `grant` of None takes it away."""

    state: VisitState
    setting: Setting
    expires_at: datetime
    person: Person
    plan: WritePlan
    policy: WritePolicy
    contacts: Contacts
    draft: Draft
    written: Written | None
    referred_in_record: Written | None
    last_form: str | None
    cookie_hash: str
    age_confirmed: bool
    held: bool
    grant: Grant | None


def columns_of(sealed: SealedTable, visit: Visit) -> dict[str, Any]:
    """Every column that a change may touch, but for the token.

    The index is among them, so that it and what it was made of are always under the same key.
    """
    context = {
        "iss": visit.iss,
        "patient_id": visit.patient_id,
        "encounter_id": visit.encounter_id,
        "user": visit.user,
        "user_key": visit.user_key,
        "user_name": visit.user_name,
        "setting": visit.setting,
        "last_form": visit.last_form,
        "cookie_hash": visit.cookie_hash,  # sealed: who can write to the file must not give out visits
        "age_confirmed": visit.age_confirmed,
        "policy": policy_to_json(visit.policy),
        "contacts": _contacts_to_json(visit.contacts),
    }
    values = {
        "context": context,
        "person": _person_to_json(visit.person),
        "plan": plan_to_json(visit.plan),
        "draft": draft_to_json(visit.draft),
        "written": visit.written and written_to_json(visit.written),
        "referred_in_record": visit.referred_in_record and written_to_json(visit.referred_in_record),
    }
    shut = {column: sealed.seal(column, visit.id, value) for column, value in values.items()}
    plain = {
        "version": visit.version,
        "state": visit.state,
        "held": visit.held,
        "expires_at": visit.expires_at,
        "user_index": index_of(sealed, visit.ehr, visit.user_key),
    }
    return shut | plain


def index_of(sealed: SealedTable, ehr: str, user_key: str | None) -> str | None:
    """What stands in `user_index` for this clinician; None for one who is not known."""
    return user_key and clinician_indexes(sealed, ehr, user_key)[0]


def clinician_indexes(sealed: SealedTable, ehr: str, user_key: str) -> tuple[str, ...]:
    """That value under each key: written with the first, looked up with all."""
    return sealed.indexes("user_index", f"{ehr} {user_key}")


def visit_of(sealed: SealedTable, row: RowMapping) -> Visit:
    """The visit that a row holds; SealBroken where a column does not open."""

    def opened(column: str) -> Any:
        return sealed.open(column, row["id"], row[column])

    context = opened("context")
    return Visit(
        id=row["id"],
        ehr=row["ehr"],
        state=VisitState(row["state"]),
        opened_at=row["opened_at"],
        expires_at=row["expires_at"],
        person=_person_from_json(opened("person")),
        plan=plan_from_json(opened("plan")),
        draft=draft_from_json(opened("draft")),
        written=_written(opened("written")),
        held=row["held"],
        referred_in_record=_written(opened("referred_in_record")),
        version=row["version"],
        stopped=row["stopped"],
        **(context | _typed(context)),
    )


def _typed(context: Mapping[str, Any]) -> dict[str, Any]:
    """What of the context is no text; a visit may be from before there were policies and contacts."""
    policy, contacts = context.get("policy"), context.get("contacts")
    return {
        "setting": Setting(context["setting"]),
        "policy": policy_from_json(policy) if policy else WritePolicy(),
        "contacts": _contacts_from_json(contacts) if contacts else Contacts(),
    }


def _contacts_to_json(one: Contacts) -> dict[str, Any]:
    return {
        "read": one.read,
        "proxy": one.proxy,
        "shared": sorted(one.shared),
        "others": sorted(one.others),
    }


def _contacts_from_json(value: Mapping[str, Any]) -> Contacts:
    shared = frozenset(Way(way) for way in value["shared"])
    return Contacts(value["read"], value["proxy"], shared, frozenset(value["others"]))


def _written(value: Mapping[str, Any] | None) -> Written | None:
    return None if value is None else written_from_json(value)


def _person_to_json(person: Person) -> dict[str, Any]:
    born = person.birth_date
    return {
        "name": person.name,
        "birth_date": born and born.isoformat(),
        "sex": person.sex,
        "interpreter": person.interpreter,
    }


def _person_from_json(value: Mapping[str, Any]) -> Person:
    born = value["birth_date"]
    return Person(
        name=value["name"],
        birth_date=born and date.fromisoformat(born),
        sex=Sex(value["sex"]),
        interpreter=value["interpreter"],
    )
