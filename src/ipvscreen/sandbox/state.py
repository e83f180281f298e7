"""What one sandbox record system holds while it runs; tests reach it as `app.state.sandbox`."""

from datetime import timedelta

from starlette.requests import Request

from ipvscreen.sandbox.client_keys import ClientKeys
from ipvscreen.sandbox.memory import Memory, instant, new_id
from ipvscreen.sandbox.people import service_type
from ipvscreen.sandbox.registration import Registration
from ipvscreen.sandbox.switches import Switches
from ipvscreen.sandbox.tickets import (
    CHOICE_LIFETIME,
    CODE_LIFETIME,
    LAUNCH_LIFETIME,
    Authorization,
    Choice,
    Clock,
    Launch,
    Tickets,
)
from ipvscreen.sandbox.tokens import Tokens


class Sandbox:
    """Store, switches, tickets and tokens of one record system."""

    def __init__(self, base_url: str, app: Registration, clock: Clock, switches: Switches) -> None:
        self.base_url = base_url.rstrip("/")
        self.fhir_base = f"{self.base_url}/fhir"
        self.token_url = f"{self.base_url}/auth/token"
        self.app = app
        self.clock = clock
        self.switches = switches
        self.memory = Memory()
        self.launches: Tickets[Launch] = Tickets("launch", LAUNCH_LIFETIME, clock)
        self.choices: Tickets[Choice] = Tickets("request", CHOICE_LIFETIME, clock)
        self.codes: Tickets[Authorization] = Tickets("code", CODE_LIFETIME, clock)
        self.tokens = Tokens(self.fhir_base, clock)
        self.client_keys = ClientKeys(app, clock)
        self.assertions_seen: dict[str, float] = {}  # jti → when its assertion ends

    def new_launch(
        self, patient: str | None, clinician: str, *, intent: str | None = None, framed: bool = False
    ) -> str:
        """Open an encounter and answer the opaque launch value; KeyError for unknown ids.

        Without a patient it is a launch of the clinician alone, and there is no encounter.
        """
        if patient is None:
            return self.launches.add(Launch(None, clinician, intent=intent, framed=framed))
        if self.memory.find("Patient", patient) is None:
            raise KeyError(patient)
        encounter = self.open_encounter(patient, clinician)
        return self.launches.add(Launch(patient, clinician, encounter, intent, framed))

    def open_encounter(self, patient: str, clinician: str) -> str:
        """A new encounter of these two, in progress; answers its id."""
        now = self.clock()
        body = {
            "resourceType": "Encounter",
            "id": new_id(),
            "status": "in-progress",
            "class": {
                "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
                "code": "AMB",
                "display": "ambulatory",
            },
            "serviceType": {"coding": [service_type(patient, clinician)]},
            "subject": {"reference": f"Patient/{patient}"},
            "participant": [{"individual": {"reference": f"Practitioner/{clinician}"}}],
            "period": {"start": instant(now), "end": instant(now + timedelta(minutes=15))},
        }
        return str(self.memory.put(body, now).body["id"])

    def token(self, *, patient: str, clinician: str, scope: str) -> str:
        """An access token without the handshake: for tests of what comes after it."""
        return self.tokens.issue(
            scope=scope,
            user=f"Practitioner/{clinician}",
            patient=patient,
            expires_in=self.switches.expires_in,
        )


def sandbox_of(request: Request) -> Sandbox:
    """The sandbox that serves this request."""
    sandbox: Sandbox = request.app.state.sandbox
    return sandbox
