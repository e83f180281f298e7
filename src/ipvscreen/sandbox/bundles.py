"""The Bundles that this record system answers with, and the links between their pages."""

from urllib.parse import urlencode

from ipvscreen.sandbox.memory import Resource, new_id
from ipvscreen.sandbox.search import Query


def bundle_of(kind: str, total: int, entries: list[Resource]) -> Resource:
    """A Bundle of this type; `total` counts what all its pages hold."""
    bundle: Resource = {"resourceType": "Bundle", "id": new_id(), "type": kind, "total": total}
    return {**bundle, "entry": entries} if entries else bundle


def links(address: str, query: Query, count: int, offset: int, total: int) -> list[dict[str, str]]:
    """The page itself, and the next one where there is more."""
    found = [{"relation": "self", "url": _page_url(address, query, count, offset)}]
    if count > 0 and offset + count < total:
        found.append({"relation": "next", "url": _page_url(address, query, count, offset + count)})
    return found


def _page_url(address: str, query: Query, count: int, offset: int) -> str:
    return f"{address}?{urlencode([*query, ('_count', count), ('_offset', offset)], safe='/|:,')}"
