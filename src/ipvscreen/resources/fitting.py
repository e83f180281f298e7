"""A visit's entries as one record system can hold them: what it does not take is carried by what it takes.

What nothing can carry stays as it is: the writer says of it that it is not offered, with the exact words for
the clinician to enter, which are those of the entry itself.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from ipvscreen.messages import Message, day_said, joined, message
from ipvscreen.resources.draft import Labelled, business_key, entry
from ipvscreen.resources.labels import labelled_like
from ipvscreen.resources.plan import WritePlan
from ipvscreen.resources.terminology import (
    APP_NAME,
    CommunicationStatus,
    DocumentState,
    DocumentStatus,
)

FHIR_JSON = "application/fhir+json"
_OURS = frozenset({"resourceType", "identifier", "meta"})  # what `entry` gives each resource
_NOTHING_TO_NAME = message("Nothing that it would be about can be written here.")
Body = Mapping[str, Any]


def fitted(plan: WritePlan | None, items: Sequence[Labelled]) -> tuple[Labelled, ...]:
    """The entries to hand to the writer, each reference still right; `items` as they are without a plan.

    An Observation that a whole form says as well is left out where single results are not taken.
    """
    if plan is None:
        return tuple(items)
    carriers = {item.key: one for item in items if (one := _carrier(plan, item, items))}
    changed = {one.key: one for one in carriers.values()}
    places = {item.full_url: carriers[item.key].full_url for item in items if item.key in carriers}
    placed = (changed.get(item.key) or carriers.get(item.key, item) for item in items)
    once = {one.key: one for one in placed}.values()
    return tuple(
        replace(one, body=_redirected(one.body, places)) for one in once if not _in_a_form(plan, one)
    )


def instead_of(plan: WritePlan, item: Labelled) -> Message:
    """Why an entry is not written here, and the words to enter in its place."""
    ability = plan.ability(item.kind)
    if ability is None or ability.allowed:
        return _NOTHING_TO_NAME
    return joined(" ", filter(None, (ability.why, _BY_HAND.get(item.kind, _no_words)(item.body))))


def document(response: Labelled) -> Labelled:
    """A DocumentReference that holds the QuestionnaireResponse as it would have been written.

    Both places are labelled, as GP Connect 1.6.2 asks: `meta.security` for that it exists, `securityLabel`
    for its content. Neither type nor category is coded: a code would name a kind of note that it is not.
    """
    form = response.body
    attached = {
        "contentType": FHIR_JSON,
        "data": base64.b64encode(json.dumps(form).encode()).decode(),
        "title": APP_NAME,
        "creation": form["authored"],
    }
    body = {
        "status": DocumentStatus.CURRENT,
        "docStatus": DocumentState.FINAL,
        "type": {"text": APP_NAME},
        "category": [{"text": "Questionnaire answers"}],
        "subject": form["subject"],
        "date": form["authored"],
        **({"author": [form["author"]]} if "author" in form else {}),
        "securityLabel": [{"coding": [label]} for label in form["meta"]["security"]],
        "content": [{"attachment": attached}],
        **({"context": {"encounter": [form["encounter"]]}} if "encounter" in form else {}),
    }
    return _like(response, business_key(response.key, "document"), "DocumentReference", body)


def _like(carried: Labelled, key: str, kind: str, body: Mapping[str, Any]) -> Labelled:
    """An entry with the labels of what it carries, whatever policy gave it those."""
    made = entry(key, kind, body, carried.about)
    return replace(made, body=labelled_like(made.body, carried.body))


def _carrier(plan: WritePlan, item: Labelled, items: Sequence[Labelled]) -> Labelled | None:
    ability = plan.ability(item.kind)
    if ability is None or ability.allowed:
        return None
    if ability.carrier == "DocumentReference":
        return document(item)
    if ability.carrier == "Communication":
        return note(item)
    task = next((one for one in items if one.kind == ability.carrier), None)
    return _task_alone(task, item) if task else None


def _task_alone(task: Labelled, request: Labelled) -> Labelled:
    """The Task without a request to fulfil: it says itself what is asked for."""
    kept = {name: value for name, value in task.body.items() if name not in _OURS | {"focus"}}
    said = {name: value for name, value in request.body.items() if name in ("code", "note")}
    if order := _order(request):
        said["note"] = [*said.get("note", ()), {"text": order}]
    return _like(task, task.key, "Task", kept | said)


def note(request: Labelled) -> Labelled:
    """That the referral was sent, as something done; no recipient, so that nobody is notified of it."""
    asked = request.body
    said = [_text(asked["code"]), *(one["text"] for one in asked.get("note", ())), _order(request)]
    body = {
        "status": CommunicationStatus.COMPLETED,
        "subject": asked["subject"],
        **({"encounter": asked["encounter"]} if "encounter" in asked else {}),
        "sent": asked["authoredOn"],
        "payload": [
            {"contentString": f"{asked['performer'][0]['display']}: {'. '.join(filter(None, said))}"}
        ],
    }
    return _like(request, business_key(request.key, "note"), "Communication", body)


def _order(request: Labelled) -> str:
    """That the person must not be contacted stands in an element which neither Task nor note has."""
    return ". ".join(_text(one) for one in request.body.get("orderDetail", ()))


def _in_a_form(plan: WritePlan, item: Labelled) -> bool:
    whole = plan.allows("QuestionnaireResponse") or plan.allows("DocumentReference")
    return whole and not plan.allows(item.kind) and item.kind == "Observation" and "derivedFrom" in item.body


def _redirected(value: Any, places: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        parts = {name: _redirected(part, places) for name, part in value.items()}
        if isinstance(reference := parts.get("reference"), str):
            parts["reference"] = places.get(reference, reference)
        return parts
    return [_redirected(part, places) for part in value] if isinstance(value, list) else value


def _text(concept: Body) -> str:
    return str(concept.get("text") or concept["coding"][-1].get("display", ""))


def _day(moment: str) -> str:
    return day_said(date.fromisoformat(moment[:10]))


def exactly(words: str) -> Message:
    """That these words are to be entered by hand."""
    return message("Enter exactly these words: “{words}”", words=words)


def _no_words(_: Body) -> str:
    return ""


def _of_procedure(body: Body) -> Message:
    return exactly(f"{_text(body['code'])}, {_day(body['performedDateTime'])}")


def _of_observation(body: Body) -> str:
    """Only of what no form says: where it was learned, or why nothing was asked."""
    said = body.get("valueCodeableConcept") or body.get("dataAbsentReason")
    if "derivedFrom" in body or said is None:
        return ""
    return exactly(f"{APP_NAME}: {_text(said)}, {_day(body['effectiveDateTime'])}")


def _of_request(body: Body) -> Message:
    service, day = body["performer"][0]["display"], _day(body["authoredOn"])
    return exactly(f"{_text(body['code'])}: {service}, {day}")


def _of_consent(body: Body) -> Message:
    root = body["provision"]
    out, back = root["provision"]
    return message(
        "Agreed with {service} on {day}, until {until}. An answer may come back: {back}.",
        service=out["actor"][0]["reference"]["display"],
        day=_day(body["dateTime"]),
        until=_day(root["period"]["end"]),
        back=message("yes") if back["type"] == "permit" else message("no"),
    )


_BY_HAND: dict[str, Callable[[Body], str]] = {
    "Flag": lambda body: exactly(_text(body["code"])),
    "Condition": lambda body: exactly(_text(body["code"])),
    "Procedure": _of_procedure,
    "Observation": _of_observation,
    "ServiceRequest": _of_request,
    "Consent": _of_consent,
}
