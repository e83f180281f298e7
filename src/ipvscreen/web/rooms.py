"""What `create_app` joins for the pages, in one frozen value on `app.state.rooms`."""

from asyncio import Lock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any
from weakref import WeakValueDictionary
from zoneinfo import ZoneInfo

from jinja2 import Environment

from ipvscreen.delivery.dispatcher import Dispatcher
from ipvscreen.ipv.person import Setting
from ipvscreen.ipv.validity import Row
from ipvscreen.sdc.form import Form
from ipvscreen.store.facade import Store
from ipvscreen.store.sealed import Ring
from ipvscreen.web.security import Policy
from ipvscreen.web.words import Numbers


@dataclass(frozen=True, slots=True)
class EhrEntry:
    """One record system that may launch the app; `iss` to the letter, for `aud` must equal it."""

    name: str
    iss: str
    client_id: str
    scope: str
    default_setting: Setting
    exit_url: str
    frame_ancestors: tuple[str, ...] = ()
    who_can_see: str | None = None
    told_if_no_answer: str | None = None


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
    validity: Sequence[Row]
    ehrs: Mapping[str, EhrEntry]
    http: Any  # httpx.AsyncClient, which only smart, ehr and delivery may open: the pages hand it on
    dispatcher: Dispatcher
    ring: Ring
    clock: Callable[[], datetime]
    public_url: str
    templates: Environment
    static: Mapping[str, bytes]
    policy: Policy
    numbers: Numbers = field(default_factory=Numbers)
    zone: tzinfo = field(default_factory=lambda: ZoneInfo("Europe/London"))
    locks: Locks = field(default_factory=Locks)

    @property
    def redirect_uri(self) -> str:
        """Where an authorization server sends the browser back to."""
        return f"{self.public_url.rstrip('/')}/callback"
