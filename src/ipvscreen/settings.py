"""What a deployer sets: `IPVSCREEN_` variables and one `ipvscreen.toml`; read by cli and app alone."""

import base64
import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ipvscreen.delivery.mail_server import MailServer
from ipvscreen.ipv.staffed import Staffed
from ipvscreen.resources.neutral import topic_word

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_KEY_BYTES = 32
_BY_SECRET = "client_secret_basic"  # noqa: S105  the name of a method
_ORIGIN = re.compile(r"https?://(?:\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::\d{1,5})?")
# What stands in an address is read over a shoulder, in a history and in a proxy's log.
_TELLING = re.compile(
    r"(?<![a-z0-9])(?:ipv|dv|hark|rape|refuge|screening)(?![a-z0-9])"
    r"|abus|violen|domestic|partner|victim|perpetrat|batter|ipvscreen",
    re.IGNORECASE,
)


def _safe_url(url: str) -> str:
    """A URL kept as it was written (`aud` must equal `iss` to the letter); http only on loopback."""
    parsed = HttpUrl(url)
    if parsed.scheme != "https" and parsed.host not in _LOOPBACK:
        raise ValueError("must be https; http is for loopback only")
    return url


def _origin(origin: str) -> str:
    """Scheme, host and port alone: it is printed into a header, where a blank would begin another rule."""
    if not _ORIGIN.fullmatch(origin):
        raise ValueError("must be an origin such as https://ehr.example, in lower case and without a path")
    return _safe_url(origin)


def _neutral(text: str) -> str:
    if _TELLING.search(text):
        raise ValueError("must not tell what this app is about: it stands in addresses that others see")
    return text


def _for_a_flag(text: str) -> str:
    """Neutral words, for they stand where bystanders read; and no placeholder but {date}."""
    if found := topic_word(text):
        raise ValueError(f"must not say '{found}': some record systems show a flag on every page")
    if re.search(r"[{}]", text.replace("{date}", "")):
        raise ValueError("has no placeholder but {date}")
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be a time zone such as Europe/London") from None
    return name


def _field_key(key: SecretStr) -> SecretStr:
    if len(base64.b64decode(key.get_secret_value(), validate=True)) != _KEY_BYTES:
        raise ValueError(f"must be {_KEY_BYTES} bytes in base64; `ipvscreen keys new` makes one")
    return key


SafeUrl = Annotated[str, AfterValidator(_safe_url)]
Origin = Annotated[str, AfterValidator(_origin)]
FlagWords = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_for_a_flag)]
FieldKey = Annotated[SecretStr, AfterValidator(_field_key)]


class Ehr(BaseModel):
    """One record system that may launch the app."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$"), AfterValidator(_neutral)]
    iss: SafeUrl
    client_id: Annotated[str, Field(min_length=1), AfterValidator(_neutral)]
    token_auth: Literal["none", "client_secret_basic", "private_key_jwt"] = "none"  # noqa: S105  as above
    client_secret: SecretStr | None = None
    signing_alg: Literal["ES384", "RS384"] = "ES384"
    scopes: Literal["v1", "v2"] = "v2"
    scope: str | None = None  # what to ask for; the app's own minimum where nothing is set
    refresh: Literal["none", "online_access", "offline_access"] = "none"
    authorize: Literal["auto", "get", "post"] = "auto"
    labels_in_lists: Literal["kept", "warn", "stop"] = "kept"
    labels: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] = "default"  # a table of labels.toml
    nopat: Literal["r4", "stu3", "both"] = "r4"  # how it spells the code that keeps entries from patients
    categories: Literal["sdoh", "survey"] = "sdoh"  # of Observations
    flag_text: FlagWords | None = None  # agreed with whoever reads flags there; may hold {date}
    flag_contact: FlagWords | None = None  # a sentence after it: whom to ask out of hours
    on_label_loss: Literal["withdraw", "leave"] = "withdraw"
    carriers: tuple[Literal["DocumentReference", "Communication"], ...] = ()  # may carry what others cannot
    audit_events: bool = False  # whether its own log, which its staff may read, is told of what is done here
    health_concern: bool = False  # a clinician may choose to write a Condition, which problem lists show
    at_most: Annotated[int, Field(ge=1, le=1000)] = 20  # requests to it at once
    allow_http_loopback: bool = False
    pack: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] | None = None  # a table of packs.toml
    nation: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] | None = None  # a [nation.…] of packs.toml
    locale: Literal["en-GB", "nl-NL", "fr-CA"] = "en-GB"  # the language of the pages
    zone: Annotated[str, AfterValidator(_zone)] | None = None  # such as Europe/London; else the locale's
    setting: Literal["gp", "antenatal", "mental-health"] = "gp"
    exit_url: Annotated[SafeUrl, AfterValidator(_neutral)]
    frame_ancestors: tuple[Origin, ...] = ()
    who_can_see: str | None = None  # a sentence about who reads restricted entries there, if known
    ring_back: Annotated[str, Field(pattern=r"^\+?[\d ()./-]{3,30}$")] | None = None  # told to services
    by_hand_first: bool = False  # also to services that have an address, where they take it by hand
    told_if_no_answer: str | None = None  # the role that phones when a service does not answer
    staffed: Staffed | None = None  # who hears of what waits; without it nothing is referred

    @model_validator(mode="after")
    def _fits_together(self) -> "Ehr":
        if urlsplit(self.iss).scheme == "http" and not self.allow_http_loopback:
            raise ValueError("iss is http: say allow_http_loopback = true, for a test on this machine only")
        if (self.token_auth == _BY_SECRET) != (self.client_secret is not None):
            raise ValueError("client_secret belongs to token_auth client_secret_basic, and to no other")
        return self


class Numbers(BaseModel):
    """The telephone numbers that a page may show; None is shown as "not set by your organisation"."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    emergency: str = "999"
    silent: str = "999, then 55"
    helpline: str | None = None
    lead: str | None = None
    advocate: str | None = None


class Inbox(BaseModel):
    """Where services and stewards sign in: an origin of its own, apart from that of the visits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    origin: Annotated[Origin, AfterValidator(_neutral)]
    exit_url: Annotated[SafeUrl, AfterValidator(_neutral)]
    locale: Literal["en-GB", "nl-NL", "fr-CA"] = "en-GB"
    zone: Annotated[str, AfterValidator(_zone)] = "Europe/London"
    attempts_per_minute: Annotated[int, Field(ge=1)] = 300  # of all
    attempts_per_address: Annotated[int, Field(ge=1)] = 20  # a minute


Days = Annotated[int, Field(ge=1, le=36_500)]


class Retention(BaseModel):
    """Days that a row of each table is kept; see `ipv.retention`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    launches: Days = 1
    sittings: Days = 1
    visits: Days = 30
    referrals: Days = 90
    cases: Days = 90
    followups: Days = 90
    accounts: Days = 365
    unfinished: Days = 365  # what somebody waits for; these go by hand alone
    members: Days = 365  # from the day on which somebody, or a key, was ended


class Settings(BaseSettings):
    """All settings. Keys: base64 of 32 bytes by key id; `key` names the one that seals now."""

    model_config = SettingsConfigDict(
        env_prefix="IPVSCREEN_", env_nested_delimiter="__", toml_file="ipvscreen.toml", extra="forbid"
    )

    public_url: Annotated[SafeUrl, AfterValidator(_neutral)]
    database: str = "sqlite+aiosqlite:///ipvscreen.db"
    key: str
    keys: dict[str, FieldKey]
    ehr: tuple[Ehr, ...] = ()
    inbox: Inbox | None = None
    mail: MailServer | None = None
    numbers: Numbers = Numbers()
    retention: Retention = Retention()
    questionnaires: Path | None = None  # a folder of your own forms, and of a packs.toml if you need one
    inside_hosts: tuple[str, ...] = ()  # of services, by name: these alone may have private addresses
    metrics_token: SecretStr | None = None
    audit_anchor: Path | None = None  # a file, best on another machine, that tells how far the log had come
    launches_per_minute: Annotated[int, Field(ge=1)] = 600  # of one record system
    launches_per_address: Annotated[int, Field(ge=1)] = 60  # a minute, of one client address

    @model_validator(mode="after")
    def _key_is_there(self) -> "Settings":
        if self.key not in self.keys:
            raise ValueError("key names none of [keys]")
        return self

    @model_validator(mode="after")
    def _numbers_of_the_country(self) -> "Settings":
        """What stands in `Numbers` unless it is set is England's: on no page in another language."""
        abroad = any(ehr.locale != "en-GB" for ehr in self.ehr)
        if abroad and not {"emergency", "silent"} <= self.numbers.model_fields_set:
            raise ValueError(
                "a locale other than en-GB needs numbers.emergency and numbers.silent of its country"
            )
        return self

    @model_validator(mode="after")
    def _inbox_apart(self) -> "Settings":
        """A cookie knows no port and a key only a host: what is to be apart needs another host."""
        host = urlsplit(self.inbox.origin).hostname if self.inbox else None
        if host is not None and host == urlsplit(self.public_url).hostname:
            raise ValueError("inbox.origin must be another host than that of public_url")
        if host is not None and (":" in host or host.replace(".", "").isdigit()):
            raise ValueError("inbox.origin must be a name: keys are bound to names and not to numbers")
        return self

    @model_validator(mode="after")
    def _each_ehr_once(self) -> "Settings":
        told = {"name": [ehr.name for ehr in self.ehr], "iss": [ehr.iss.rstrip("/") for ehr in self.ehr]}
        for what, values in told.items():
            if twice := [value for value, count in Counter(values).items() if count > 1]:
                raise ValueError(f"two [[ehr]] have the {what} {', '.join(twice)}")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  pydantic-settings passes it by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over variables, and these over the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def ring(self) -> tuple[str, dict[str, bytes]]:
        """The id of the key that seals now, and every key by its id."""
        return self.key, {name: base64.b64decode(key.get_secret_value()) for name, key in self.keys.items()}
