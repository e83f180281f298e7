"""What is made of the settings alone: forms, policies of labels, record systems as the pages know them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from ipvscreen.delivery.notices import Mailboxes
from ipvscreen.ipv.packs import check_packs
from ipvscreen.ipv.person import Setting
from ipvscreen.ipv.staffed import missing
from ipvscreen.library import Library, read_forms
from ipvscreen.resources.labels import Labels, Spelling
from ipvscreen.resources.policy import FLAG_TEXT, Categories, WritePolicy
from ipvscreen.settings import Ehr, Settings
from ipvscreen.smart.client import TokenAuth
from ipvscreen.web.rooms import EhrEntry

_HERE = Path(__file__).resolve().parent
# What `entry_of` reads itself, or what no page needs.
_ELSEWHERE = {
    *("token_auth", "client_secret", "setting", "zone", "at_most", "allow_http_loopback"),
    *("nopat", "categories", "flag_text", "flag_contact", "staffed"),
}
_ZONES = {"en-GB": "Europe/London", "nl-NL": "Europe/Amsterdam", "fr-CA": "America/Toronto"}


def data_folder(name: str) -> Path:
    """`smart_app` or `questionnaires`: inside the installed package, or beside it in a checkout."""
    for folder in (_HERE / name, _HERE.parent.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"the folder {name} is missing from this installation")


def library_of(settings: Settings) -> Library:
    """Our forms, packs, labels and the deployer's own; ValueError where a record system would lack one."""
    library = read_forms(data_folder("questionnaires"), settings.questionnaires)
    for ehr in settings.ehr:
        check_packs(library.packs, ehr.pack, ehr.locale, ehr.nation)
        policy_of(ehr, library.labels)
    return library


def policy_of(ehr: Ehr, labels: Mapping[str, Labels]) -> WritePolicy:
    """How that record system wants things written; ValueError where its policy of labels is not there."""
    if ehr.labels not in labels:
        raise ValueError(f"'{ehr.labels}' names no policy of labels; there are {', '.join(labels)}")
    return WritePolicy(
        labels=replace(labels[ehr.labels], nopat=Spelling(ehr.nopat)),
        categories=Categories(ehr.categories),
        flag_text=ehr.flag_text or FLAG_TEXT,
        flag_contact=ehr.flag_contact or "",
    )


def entry_of(ehr: Ehr, http: Any, labels: Mapping[str, Labels], *, mail: bool = False) -> EhrEntry:
    """The record system as the pages know it; `http` is the httpx.AsyncClient that reaches it.

    `mail`: whether a server takes notices; nothing is referred from where nobody would hear of it.
    """
    zone, staffed = ZoneInfo(ehr.zone or _ZONES[ehr.locale]), ehr.staffed
    return EhrEntry(
        http=http,
        token_auth=TokenAuth(ehr.token_auth),
        client_secret=ehr.client_secret.get_secret_value() if ehr.client_secret else None,
        default_setting=Setting(ehr.setting),
        zone=zone,
        hours=staffed.week(zone) if staffed and staffed.hours else None,
        staff=staffed.members if staffed else frozenset(),
        lead=staffed.lead if staffed else frozenset(),
        heard=not missing(staffed, mail=mail),
        policy=policy_of(ehr, labels),
        **ehr.model_dump(exclude=_ELSEWHERE),
    )


def mailboxes_of(settings: Settings) -> Mailboxes:
    """Where notices go."""
    base = urlsplit(settings.public_url).path.rstrip("/")
    practices = {ehr.name: ehr.staffed.mailbox for ehr in settings.ehr if ehr.staffed and ehr.staffed.mailbox}
    return Mailboxes(
        practices=practices,
        services=settings.mail.services if settings.mail else {},
        app=settings.public_url.rstrip("/"),
        inbox=f"{settings.inbox.origin}{base}" if settings.inbox else None,
    )


def unheard(settings: Settings) -> dict[str, tuple[str, ...]]:
    """What is not set yet without which nothing is referred, by record system; if something is."""
    lacks = {ehr.name: missing(ehr.staffed, mail=settings.mail is not None) for ehr in settings.ehr}
    return {name: what for name, what in lacks.items() if what}
