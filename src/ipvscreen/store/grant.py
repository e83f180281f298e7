"""What the record system has granted for a visit: an access token, and what makes a new one."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Grant:
    """An access token until `expires_at`; `refresh` where the record system gave one, for `token_url`."""

    access: str = field(repr=False)
    expires_at: datetime
    refresh: str | None = field(repr=False)
    token_url: str
    scope: str

    def __post_init__(self) -> None:
        """ValueError for a naive time, whose moment would be a guess."""
        if self.expires_at.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")


def grant_to_json(grant: Grant) -> dict[str, Any]:
    """As it is sealed."""
    return asdict(grant) | {"expires_at": grant.expires_at.isoformat()}


def grant_from_json(value: Any) -> Grant | None:
    """What was sealed; None where it was taken away, or is a bare token of before there were grants."""
    if not isinstance(value, dict):
        return None
    return Grant(**(value | {"expires_at": datetime.fromisoformat(value["expires_at"])}))
