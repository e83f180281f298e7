"""What a deployer sets: `IPVSCREEN_` variables and one `ipvscreen.toml`; read by cli and app alone."""

import base64
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_KEY_BYTES = 32


def _safe_url(url: str) -> str:
    """A URL kept as it was written (`aud` must equal `iss` to the letter); http only on loopback."""
    parsed = HttpUrl(url)
    if parsed.scheme != "https" and parsed.host not in _LOOPBACK:
        raise ValueError("must be https; http is for loopback only")
    return url


def _field_key(key: SecretStr) -> SecretStr:
    if len(base64.b64decode(key.get_secret_value(), validate=True)) != _KEY_BYTES:
        raise ValueError(f"must be {_KEY_BYTES} bytes in base64; `ipvscreen keys new` makes one")
    return key


SafeUrl = Annotated[str, AfterValidator(_safe_url)]
FieldKey = Annotated[SecretStr, AfterValidator(_field_key)]


class Ehr(BaseModel):
    """One record system that may launch the app."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
    iss: SafeUrl
    client_id: str
    scope: str | None = None  # what to ask for; the app's own minimum where nothing is set
    setting: Literal["gp", "antenatal", "mental-health"] = "gp"
    exit_url: SafeUrl
    frame_ancestors: tuple[str, ...] = ()
    who_can_see: str | None = None  # a sentence about who reads restricted entries there, if known
    told_if_no_answer: str | None = None  # the role that phones when a service does not answer


class Numbers(BaseModel):
    """The telephone numbers that a page may show; None is shown as "not set by your organisation"."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    emergency: str = "999"
    silent: str = "999, then 55"
    helpline: str | None = None
    lead: str | None = None
    advocate: str | None = None


class Settings(BaseSettings):
    """All settings. Keys: base64 of 32 bytes by key id; `key` names the one that seals now."""

    model_config = SettingsConfigDict(
        env_prefix="IPVSCREEN_", env_nested_delimiter="__", toml_file="ipvscreen.toml", extra="forbid"
    )

    public_url: SafeUrl
    database: str = "sqlite+aiosqlite:///ipvscreen.db"
    key: str
    keys: dict[str, FieldKey]
    ehr: tuple[Ehr, ...] = ()
    numbers: Numbers = Numbers()

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
        if self.key not in self.keys:
            raise ValueError(f"no key named {self.key!r} among [keys]")
        return self.key, {
            kid: base64.b64decode(secret.get_secret_value()) for kid, secret in self.keys.items()
        }
