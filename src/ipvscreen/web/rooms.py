"""What `create_app` joins for the pages, in one frozen value on `app.state.rooms`."""

from asyncio import Lock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Any, Literal, cast
from urllib.parse import urlsplit
from weakref import WeakValueDictionary
from zoneinfo import ZoneInfo

from jinja2 import Environment
from starlette.requests import Request

from ipvscreen.delivery.dispatcher import Dispatcher
from ipvscreen.ehr.points import Care
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.hours import Hours
from ipvscreen.ipv.instruments import USE
from ipvscreen.ipv.packs import Pack, Packs
from ipvscreen.ipv.packs_file import spoken
from ipvscreen.ipv.person import Setting
from ipvscreen.ipv.validity import Row
from ipvscreen.pathway.share_audit import share_audit
from ipvscreen.resources.fallback import further
from ipvscreen.resources.policy import WritePolicy
from ipvscreen.resources.scopes import requested
from ipvscreen.sdc.form import Form
from ipvscreen.smart.client import Client, TokenAuth
from ipvscreen.smart.keys import Algorithm, SigningKey
from ipvscreen.store.facade import Store
from ipvscreen.store.sealed import Ring
from ipvscreen.store.signing_keys import StoredKey
from ipvscreen.web.inbox.place import Place
from ipvscreen.web.languages import ENGLISH
from ipvscreen.web.limits import Limits
from ipvscreen.web.security import Policy
from ipvscreen.web.sharing import Sharing
from ipvscreen.web.words import Numbers

Purpose = Literal["visit", "list"]

# Bytes. Who sees only how much is sent must not learn what was answered: the pages of a visit are one class.
SIZE_CLASS = 16_384


@dataclass(frozen=True, slots=True)
class EhrEntry:
    """One record system that may launch the app; `iss` to the letter, for `aud` must equal it.

    `http` is its own client (httpx.AsyncClient, which the pages only hand on): a record system that hangs
    must not use up the places of another. `scope` replaces what we would ask for ourselves.
    """

    name: str
    iss: str
    client_id: str
    default_setting: Setting
    exit_url: str
    http: Any = field(repr=False)
    token_auth: TokenAuth = TokenAuth.NONE
    client_secret: str | None = field(default=None, repr=False)
    signing_alg: Literal["ES384", "RS384"] = "ES384"
    scopes: Literal["v1", "v2"] = "v2"
    scope: str | None = None
    refresh: Literal["none", "online_access", "offline_access"] = "none"
    authorize: Literal["auto", "get", "post"] = "auto"
    labels_in_lists: Literal["kept", "warn", "stop"] = "kept"
    labels: str = "default"
    policy: WritePolicy = field(default_factory=WritePolicy)
    on_label_loss: Literal["withdraw", "leave"] = "withdraw"
    carriers: tuple[str, ...] = ()  # the types that may carry there what others cannot
    audit_events: bool = False
    log: Any = field(default=None, repr=False)  # the client for its log; None where that is not told of ours
    health_concern: bool = False  # a clinician may choose to write one
    pack: str | None = None  # the default one of its setting and locale where nothing is set
    nation: str | None = None  # whose telephone line and grounds hold there
    locale: str = ENGLISH
    zone: tzinfo = field(default_factory=lambda: ZoneInfo("Europe/London"))
    frame_ancestors: tuple[str, ...] = ()
    who_can_see: str | None = None
    ring_back: str | None = None
    by_hand_first: bool = False
    told_if_no_answer: str | None = None
    hours: Hours | None = None  # of the staffed role
    staff: frozenset[str] = frozenset()  # its members, and the safeguarding leads, as fhirUsers
    lead: frozenset[str] = frozenset()
    heard: bool = False  # whether somebody hears of what waits: else nothing is referred

    @property
    def framed(self) -> bool:
        """Whether this record system may show us in a frame, where cookies need other flags."""
        return bool(self.frame_ancestors)

    @property
    def further(self) -> tuple[str, ...]:
        """The types that are asked for here beyond those of every visit."""
        return further(self.carriers, concern=self.health_concern)

    @property
    def uk(self) -> bool:
        """Whether its policy of labels is the one for the UK, or a deployer's own made of it (`uk-…`)."""
        return self.labels == "uk" or self.labels.startswith("uk-")

    def mark(self, request: Request) -> None:
        """Whoever answers this request, a failure included: who may frame it, and in which language it is."""
        request.state.framed_by = self.frame_ancestors
        request.state.locale = self.locale

    def asks_for(self, purpose: Purpose, *, standalone: bool) -> str:
        """The scope string of a launch for that purpose, from the record system or (`standalone`) not."""
        if purpose == "list":
            return requested(self.scopes, purpose="list-standalone" if standalone else "list")
        if self.scope is None:
            return requested(
                self.scopes,
                purpose="standalone" if standalone else "ehr",
                refresh=self.refresh,
                withdraw=self.on_label_loss == "withdraw",
                carriers=self.further,
                audit_events=self.audit_events,
            )
        other = {"launch": "launch/patient"} if standalone else {}
        return " ".join(other.get(scope, scope) for scope in self.scope.split())


class Locks:
    """One lock for each visit in use: of two identical posts the second sees what the first has done.

    Only a courtesy inside one process; across processes the store's compare-and-set decides.
    """

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, Lock] = WeakValueDictionary()

    def of(self, visit_id: str) -> Lock:
        """The lock of that visit; it goes when nobody holds it any more."""
        return self._locks.setdefault(visit_id, Lock())


@dataclass(frozen=True)
class Rooms:
    """Everything a page may reach."""

    store: Store
    forms: Mapping[str, Form]
    packs: Packs
    validity: Sequence[Row]
    ehrs: Mapping[str, EhrEntry]
    http: Any  # httpx.AsyncClient for services; each record system has one of its own
    dispatcher: Dispatcher
    ring: Ring
    clock: Callable[[], datetime]
    public_url: str
    templates: Mapping[str, Environment]  # by locale
    static: Mapping[str, bytes]
    letter: bytes  # the template of letters
    policy: Policy
    limits: Limits
    inbox: Place | None = None
    numbers: Numbers = field(default_factory=Numbers)
    locks: Locks = field(default_factory=Locks)
    care: Care = field(default_factory=Care)
    sharing: Sharing = field(default_factory=Sharing)
    told: frozenset[str] = frozenset()  # the services with a mailbox: what waits there is told

    @property
    def base(self) -> str:
        """The path below which the app is browsed, without a slash at its end; "" at the root."""
        return urlsplit(self.public_url).path.rstrip("/")

    def doing(self, act: Act) -> "Rooms":
        """The same for one request: its first change leaves that act in the audit log."""
        return replace(self, store=self.store.doing(act, self.clock()))

    def act(self, act: Act) -> Store:
        """The store, for a request that is that act: it is said better while nothing has been changed yet."""
        self.store.noting.instead(act)
        return self.store

    def refusing(self) -> Store:
        """The store, for a form that is not taken: what the log says of it is that it was kept."""
        return self.act(Act.KEPT)

    def share(self, visit_id: str, entry: EhrEntry) -> None:
        """Tell the record system's own log, where it is to be told, what this visit has left in ours."""
        if entry.log is not None:
            self.sharing.begin(visit_id, lambda: share_audit(self.store, entry.log, visit_id, self.clock()))

    def page(self, name: str, locale: str = ENGLISH, **given: Any) -> str:
        """The template of that name in that language, printed; as long as any other, see `SIZE_CLASS`."""
        printed = self.templates[locale].get_template(name).render(**given)
        return printed + " " * (-len(printed.encode()) % SIZE_CLASS)

    def pack(self, entry: EhrEntry, setting: Setting) -> Pack:
        """The forms of a visit from that record system in that setting."""
        nation = self.packs.nations[entry.nation] if entry.nation else None
        return replace(self.packs.of(entry.pack, setting, entry.locale), zone=entry.zone, nation=nation)

    def release_required(self, entry: EhrEntry) -> bool:
        """Whether the law there lets a service tell nothing of a person without a release."""
        return any(self.pack(entry, setting).release_required for setting in Setting)

    def account(self, entry: EhrEntry) -> Form:
        """The form about own conduct, which is in no pack, in the language of that record system."""
        return spoken(self.forms[USE], entry.locale)

    def named(self, entry: EhrEntry, name: str | None) -> tuple[Form, ...]:
        """The form of that name in the language of that record system; none where there is none."""
        form = self.forms.get(name or "")
        return (spoken(form, entry.locale),) if form else ()

    def by_canonical(self, entry: EhrEntry) -> dict[str, Form]:
        """Every form that we have, by its canonical, in the language of that record system."""
        return {form.canonical: spoken(form, entry.locale) for form in self.forms.values()}

    @property
    def jwks_url(self) -> str:
        """Where record systems fetch the public halves of our keys."""
        return f"{self.public_url.rstrip('/')}/jwks.json"

    def redirect_uri(self, entry: EhrEntry) -> str:
        """Where that authorization server sends the browser back to; no other server is given this one."""
        return f"{self.public_url.rstrip('/')}/callback/{entry.name}"

    async def client_of(self, entry: EhrEntry) -> Client:
        """This app as that record system knows it, with the key that signs at this moment."""
        if entry.token_auth is not TokenAuth.PRIVATE_KEY_JWT:
            return Client(entry.client_id, entry.token_auth, entry.client_secret)
        key = signing_key(await self.store.signing_keys.current(entry.signing_alg, self.clock()))
        return Client(entry.client_id, entry.token_auth, key=key, jwks_url=self.jwks_url)


def signing_key(stored: StoredKey) -> SigningKey:
    """A key of ours as the store keeps it, in the words of SMART."""
    return SigningKey(stored.kid, cast(Algorithm, stored.alg), stored.jwk)
