"""The mail server that takes our notices, as a deployer sets it."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from ipvscreen.ipv.staffed import MAILBOX

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

Mailbox = Annotated[str, Field(pattern=f"^{MAILBOX}$")]


class MailServer(BaseModel):
    """`services`: the mailbox of each service that is to hear that something waits for it, by its id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: SecretStr | None = None
    sender: Mailbox
    services: Mapping[str, Mailbox] = {}

    @model_validator(mode="after")
    def _safe(self) -> "MailServer":
        if self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError("security = 'none' is for a mail server on this machine only")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        return self
