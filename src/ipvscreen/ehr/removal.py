"""Take an entry out of the record again: delete it, else mark it as entered in error, else say so."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.exchange import GONE
from ipvscreen.errors import EhrError, EhrRefused
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.labels import labelled_like, lost
from ipvscreen.resources.standing import IN_ERROR, as_error, status_of

_NO_STATUS = frozenset({"Provenance"})  # in R4; it cannot say that it is an error


class Fate(StrEnum):
    """What became of an entry in the end."""

    DELETED = "deleted"
    MARKED = "marked"  # it stands there as entered in error, with its labels
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Removed:
    """One entry; `said` is why it could not be deleted. Not `seen`: nobody could read whether it is there."""

    reference: str
    fate: Fate
    said: str = ""
    seen: bool = True


async def remove(client: FhirClient, item: Labelled, reference: str, *, mark: bool = True) -> Removed:
    """Remove the entry at `reference`, and believe it only when a read says so. Never raises EhrError.

    Without `mark` it is left as it is where it cannot be deleted.
    """
    kind, _, ident = reference.partition("/")
    said = ""
    try:
        await client.delete(kind, ident)
    except EhrError as error:
        said = str(error)
    stored = await _stored(client, kind, ident)
    if stored is None:
        return Removed(reference, Fate.DELETED)
    left = Removed(reference, Fate.LEFT, said, seen=bool(stored))
    if kind in _NO_STATUS or not mark:
        return left
    return await _marked(client, item, stored or {**item.body, "id": ident}, left)


async def _stored(client: FhirClient, kind: str, ident: str) -> Mapping[str, Any] | None:
    """What a read gives: None once it is gone, nothing in it where that cannot be told."""
    try:
        return await client.read(kind, ident)
    except EhrRefused as refused:
        return None if refused.status in GONE else {}
    except EhrError:
        return {}


async def _marked(client: FhirClient, item: Labelled, stored: Mapping[str, Any], left: Removed) -> Removed:
    """With its labels sent again: some servers replace them at every update (medplum/medplum#2596)."""
    meta = stored.get("meta")
    version = meta.get("versionId") if isinstance(meta, Mapping) else None
    kind, _, ident = left.reference.partition("/")
    try:
        error = {name: value for name, value in ({**stored, **as_error(kind)}).items() if value is not None}
        body = labelled_like({**error, "meta": {}}, item.body)
        await client.update(body, str(version) if version else None)
        after = await client.read(kind, ident)
    except (EhrError, ValueError) as error:
        return replace(left, said=left.said or str(error))
    marked = status_of(after) == IN_ERROR and not lost(item.body, after)
    return replace(left, fate=Fate.MARKED if marked else Fate.LEFT, seen=True)
