"""What a token endpoint answers: strict about the token, lenient about everything beside it."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_MOST_CONTEXTS = 50  # entries of fhirContext that are kept; nobody has a chart open on more


def _banner(value: object) -> bool:
    """Only a clear no is one: the banner is never wrong."""
    return not (value is False or (isinstance(value, str) and value.lower() == "false"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _id(value: object) -> str | None:
    return str(value) if type(value) is int else _text(value)


def _contexts(value: object) -> list[Mapping[str, Any]]:
    """Objects with a `reference` since version 2.1; a reference alone in version 2.0."""
    entries = value[:_MOST_CONTEXTS] if isinstance(value, list) else []
    told = [{"reference": entry} if isinstance(entry, str) else entry for entry in entries]
    return [entry for entry in told if isinstance(entry, dict)]


class TokenResponse(BaseModel):
    """RFC 6749 section 5.1 with SMART's launch context; what is not named here is ignored.

    The token, its life, its scope and the patient are refused where they are malformed. All else only
    makes a visit more comfortable: what is malformed there counts as absent and refuses nobody.
    """

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        coerce_numbers_to_str=True,  # some servers give numbers as ids
        hide_input_in_errors=True,
    )

    access_token: Annotated[str, Field(min_length=1, repr=False)]
    token_type: Annotated[str, Field(pattern=r"(?i)^bearer$")]
    expires_in: Annotated[float, Field(gt=0)] | None = None
    scope: str | None = None
    id_token: Annotated[str | None, Field(repr=False)] = None
    refresh_token: Annotated[str | None, BeforeValidator(_text), Field(repr=False)] = None
    patient: str | None = None
    encounter: Annotated[str | None, BeforeValidator(_id)] = None
    need_patient_banner: Annotated[bool, BeforeValidator(_banner)] = True
    smart_style_url: Annotated[str | None, BeforeValidator(_text)] = None
    fhirContext: Annotated[list[Mapping[str, Any]], BeforeValidator(_contexts)] = []  # noqa: N815 -- the wire's name
    intent: Annotated[str | None, BeforeValidator(_text)] = None
    tenant: Annotated[str | None, BeforeValidator(_text)] = None
