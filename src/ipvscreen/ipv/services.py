"""A service one can be referred to: what it offers, for whom, and who stands behind it."""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from ipvscreen.ipv.by_hand import ByHand
from ipvscreen.ipv.person import Setting, Sex


class Kind(StrEnum):
    """What a service offers; who offers two things has two entries."""

    MENTOR_MOTHER = "mentor-mother"
    PEER_MENTOR = "peer-mentor"
    PEER_GROUP = "peer-group"
    SPECIALIST = "specialist"
    HIGH_RISK = "high-risk"
    REFUGE = "refuge"
    CHILDREN = "children"
    CHILDREN_MENTAL_HEALTH = "children-mental-health"
    USES_VIOLENCE = "uses-violence"
    USES_VIOLENCE_GROUP = "uses-violence-group"


MENTORED = frozenset({Kind.MENTOR_MOTHER, Kind.PEER_MENTOR})
GROUPS = frozenset({Kind.PEER_GROUP, Kind.USES_VIOLENCE_GROUP})
FOR_CHILDREN = frozenset({Kind.CHILDREN, Kind.CHILDREN_MENTAL_HEALTH})
OWN_CONDUCT = frozenset({Kind.USES_VIOLENCE, Kind.USES_VIOLENCE_GROUP})

# A statement about free places is true for a week (facts on referral, 1.5); an entry that nobody has looked
# at for a year is held back (hazard H10). Both are proposals of ours until a safety officer sets them.
PLACES_DAYS = 7
CHECKED_DAYS = 365


class Risk(StrEnum):
    """Band of risk as a professional found it, the lowest first; never worked out from answers."""

    STANDARD = "standard"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """0 for the lowest."""
        return list(Risk).index(self)


class ByAndFor(StrEnum):
    """Whose own service it is, run by and for them."""

    BLACK_MINORITISED = "black-minoritised"
    DEAF = "deaf"
    DISABLED = "disabled"
    LGBT = "lgbt"
    MIGRANT = "migrant"
    OLDER = "older"


class Access(StrEnum):
    """What somebody may need in order to use a service."""

    STEP_FREE = "step-free"
    HEARING_LOOP = "hearing-loop"
    SIGN_LANGUAGE = "sign-language"
    EASY_READ = "easy-read"
    REMOTE = "remote"


class Meeting(StrEnum):
    """Where they meet the person."""

    THEIR_PLACE = "their-place"
    PRACTICE = "practice"
    NEUTRAL = "neutral-place"
    ONLINE = "online"
    HOME = "home"


class Places(StrEnum):
    """Whether they can take somebody (codes after HL7 SDOH Clinical Care's capacity status)."""

    FREE = "free"
    WAITING_LIST = "waiting-list"
    ASSESS_FIRST = "assess-first"
    FULL = "full"


class SigningAlg(StrEnum):
    """How we sign at a service's token endpoint (SMART 2.2 asks for both)."""

    ES384 = "ES384"
    RS384 = "RS384"


@dataclass(frozen=True, slots=True)
class Backend:
    """How a token is got for an endpoint (SMART Backend Services)."""

    token_url: str
    client_id: str
    scope: str
    alg: SigningAlg = SigningAlg.ES384


@dataclass(frozen=True, slots=True)
class Service:
    """One entry of the directory. An empty set or None is a rule that the service does not state.

    There is no place for an address, of a refuge or of any other.
    """

    id: str
    kind: Kind
    name: str
    short_name: str  # neutral: may stand on a visible screen
    for_whom: str  # one sentence
    hours: str
    phone: str
    reply_hours: int  # working answer expected within so many hours
    endpoint: str  # FHIR base that takes the message; empty: nothing can be sent to them from here
    by_hand: frozenset[ByHand] = frozenset()  # how a person can bring them a referral
    token_url: str = ""  # where the endpoint asks for a token: that, and what we are called there
    token_client: str = ""
    token_scope: str = ""
    token_alg: SigningAlg = SigningAlg.ES384
    sexes: frozenset[Sex] = frozenset()
    age_from: int = 0
    age_to: int | None = None
    needs_children_or_pregnancy: bool = False
    needs_pregnancy: bool = False
    child_age_from: int = 0  # one child of that age is what they ask for
    child_age_to: int | None = None
    boys_to: int | None = None  # the oldest age at which a boy may come along
    settings: frozenset[Setting] = frozenset()
    takes_past: bool = True
    takes_current: bool = True
    risk_from: Risk | None = None
    risk_to: Risk | None = None
    areas: frozenset[str] = frozenset()  # codes
    excluded_areas: frozenset[str] = frozenset()  # codes; a refuge often takes nobody from nearby
    area_words: str = ""  # shown, never matched
    languages: frozenset[str] = frozenset()  # ISO 639 codes
    by_and_for: frozenset[ByAndFor] = frozenset()
    access: frozenset[Access] = frozenset()
    no_access: frozenset[Access] = frozenset()
    takes_no_public_funds: bool | None = None  # people without recourse to public funds
    supervision: str = ""  # who supervises the mentors
    meeting: frozenset[Meeting] = frozenset()
    clinical_partner: str = ""  # the clinician behind a group, by name
    other_support: str = ""  # of a programme for who uses violence: who supports the other person
    trial: bool = False
    places: Places | None = None
    places_on: date | None = None  # when that was last confirmed
    checked_on: date | None = None  # when the entry was last checked
    contact_rules_signed: date | None = None

    @property
    def backend(self) -> Backend | None:
        """How a token is got for its endpoint; None where it asks for none."""
        if not self.endpoint or not self.token_url:
            return None
        return Backend(self.token_url, self.token_client, self.token_scope, self.token_alg)


def keeping_places(new: Service, before: Service | None) -> Service:
    """The entry with what was said last of its places: a file that is read again may be older than that."""
    if before is None or before.places_on is None:
        return new
    if new.places_on is not None and new.places_on >= before.places_on:
        return new
    return replace(new, places=before.places, places_on=before.places_on)


@dataclass(frozen=True, slots=True)
class Need:
    """What is known about the person when a service is chosen; None where it was not asked.

    With `child` it is a child's own need: age and sex are the child's.
    """

    age: int | None
    sex: Sex
    setting: Setting
    current: bool
    past: bool
    danger: bool
    day: date
    children: bool | None = None
    pregnant: bool | None = None
    uses_violence: bool = False  # only where the patient said so to the clinician
    wishes: frozenset[str] = frozenset()  # codes of the item "what would help now"
    child: bool = False
    child_ages: tuple[int, ...] | None = None
    oldest_boy: int | None = None
    risk: Risk | None = None
    area: str | None = None  # coarse: a code of the kind that the directory uses, never an address
    language: str | None = None
    groups: frozenset[ByAndFor] | None = None
    access: frozenset[Access] | None = None
    no_public_funds: bool | None = None


class Rule(StrEnum):
    """What a service can be ruled out by; counted where nothing fits."""

    CONTACT_RULES = "contact-rules"
    CLINICAL_PARTNER = "clinical-partner"
    CHECKED = "checked"
    ENDPOINT = "endpoint"
    ROLE = "role"
    CHILDREN = "children"
    PREGNANCY = "pregnancy"
    CHILD_AGE = "child-age"
    SEX = "sex"
    AGE = "age"
    RISK = "risk"
    AREA = "area"
    SETTING = "setting"
    TIME = "time"
    BY_AND_FOR = "by-and-for"
    ACCESS = "access"
    FUNDING = "funding"
    PLACES = "places"
    LANGUAGE = "language"
    BACKING = "backing"


class Verdict(StrEnum):
    """Of one service for one need; only YES is offered."""

    YES = "yes"
    BETWEEN = "between"  # nothing but a threshold is in the way: below it, above it, or between two services
    NO = "no"


@dataclass(frozen=True, slots=True)
class Match:
    """The verdict and why (plain sentences, the decisive one first); `against` names the rules likewise."""

    service: Service
    verdict: Verdict
    reasons: tuple[str, ...]
    against: tuple[Rule, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether it may be offered."""
        return self.verdict is Verdict.YES
