"""HSDS tables → services with what is linked to them; ValueError where a table cannot be relied on."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ipvscreen.resources.directory_report import Fate, Remark
from ipvscreen.resources.hsds.attributes import part_of
from ipvscreen.resources.hsds.node import Node
from ipvscreen.resources.hsds.table import Table, table

# The tables that are read, and the columns that each must have.
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "services": ("id", "name", "status"),
    "organizations": ("id",),
    "phones": ("number",),
    "schedules": (),
    "languages": (),
    "service_areas": ("service_id",),
    "service_at_locations": ("id", "service_id"),
    "locations": ("id",),
    "addresses": ("location_id",),
    "attributes": ("link_id", "link_entity", "taxonomy_term_id"),
    "taxonomy_terms": ("id", "code"),
    "taxonomies": ("id",),
}
# A broken row here may be a rule about whom a service does not take: without it nothing can be offered.
_RULES = frozenset({"attributes", "taxonomy_terms", "taxonomies", "service_areas"})
_OWN = ("phones", "schedules", "languages", "service_areas")
_AT = "service_at_locations"
_Rows = Mapping[str, tuple[Node, ...]]


def services_of(files: Mapping[str, bytes]) -> tuple[tuple[Node, ...], tuple[Remark, ...]]:
    """The services of the tables by file name, and what is to be said of the tables themselves."""
    read = {name: table(f"{name}.csv", files[f"{name}.csv"], columns) for name, columns in _known(files)}
    if "services" not in read:
        raise ValueError("services.csv: is not there.")
    remarks = _broken(read)
    rows = {
        name: tuple(row for row in one.rows if name == "services" or not row.odd)
        for name, one in read.items()
    }
    return tuple(_linked(rows)), (*remarks, *_unread(files), *_astray(rows))


def _known(files: Iterable[str]) -> list[tuple[str, tuple[str, ...]]]:
    return [(name, columns) for name, columns in _NEEDED.items() if f"{name}.csv" in files]


def _unread(files: Iterable[str]) -> list[Remark]:
    """Tables that say nothing a clinician chooses by."""
    names = sorted(name for name in files if name.removesuffix(".csv") not in _NEEDED)
    return [Remark(name, "", Fate.NOTED, "is not read.") for name in names]


def _broken(read: Mapping[str, Table]) -> list[Remark]:
    """The rows that are passed over; ValueError where one of them may have held a rule."""
    odd = [(name, row) for name, one in read.items() if name != "services" for row in one.rows if row.odd]
    for name, row in odd:
        if name in _RULES:
            raise ValueError(f"{row.place}: {row.odd}")
    return [Remark(row.place, "", Fate.DROPPED, row.odd) for _, row in odd]


def _linked(rows: _Rows) -> Iterator[Node]:
    by = _Index(rows)
    for row in by.misplaced():
        raise ValueError(f"{row.place}: has a term of ours; such a term belongs to a service.")
    for service in rows["services"]:
        whose = by.of("organizations", "id", service, "organization_id")
        places = by.of(_AT, "service_id", service)
        own = {name: by.of(name, "service_id", service) for name in _OWN}
        yield replace(
            service,
            below={
                "organization": tuple(map(by.organization, whose)),
                "service_at_locations": tuple(map(by.at_location, places)),
                "attributes": by.attributes(service),
                **own,
            },
        )


class _Index:
    """The rows of each table by what they are linked with."""

    def __init__(self, rows: _Rows) -> None:
        self._rows = rows
        self._by: dict[tuple[str, str], dict[str, list[Node]]] = {}

    def of(self, name: str, column: str, node: Node, key: str = "id") -> tuple[Node, ...]:
        """The rows of a table whose `column` holds the `key` of that row."""
        if (name, column) not in self._by:
            found = self._by[name, column] = defaultdict(list)
            for row in self._rows.get(name, ()):
                found[row.text(column)].append(row)
        value = node.text(key)
        return tuple(self._by[name, column].get(value, ())) if value else ()

    def organization(self, row: Node) -> Node:
        """With its telephones and its places."""
        places = tuple(map(self._location, self.of("locations", "organization_id", row)))
        return replace(row, below={"phones": self.of("phones", "organization_id", row), "locations": places})

    def at_location(self, row: Node) -> Node:
        """With its telephones, hours and place."""
        places = self.of("locations", "id", row, "location_id")
        return replace(
            row,
            below={
                "phones": self.of("phones", "service_at_location_id", row),
                "schedules": self.of("schedules", "service_at_location_id", row),
                "location": tuple(map(self._location, places)),
            },
        )

    def _location(self, row: Node) -> Node:
        below = {name: self.of(name, "location_id", row) for name in ("addresses", "phones", "schedules")}
        return replace(row, below=below)

    def attributes(self, service: Node) -> tuple[Node, ...]:
        """Those of the service itself, each with its term and the term's taxonomy."""
        linked = self.of("attributes", "link_id", service)
        return tuple(self._attribute(row) for row in linked if of_service(row))

    def _attribute(self, row: Node) -> Node:
        terms = tuple(map(self._term, self.of("taxonomy_terms", "id", row, "taxonomy_term_id")))
        return replace(row, below={"taxonomy_term": terms})

    def _term(self, row: Node) -> Node:
        return replace(row, below={"taxonomy_detail": self.of("taxonomies", "id", row, "taxonomy_id")})

    def misplaced(self) -> Iterator[Node]:
        """Attributes with terms of ours that are not of a service."""
        rows = map(self._attribute, self._rows.get("attributes", ()))
        return (row for row in rows if not of_service(row) and part_of(row))


def of_service(attribute: Node) -> bool:
    """Whether a row of attributes is linked with a service."""
    return attribute.text("link_entity").lower() in ("service", "services")


def _astray(rows: _Rows) -> list[Remark]:
    """Rows of a service that is not there."""
    ids = {service.text("id") for service in rows["services"]}
    linked = [(row, row.text("service_id")) for name in (*_OWN, _AT) for row in rows.get(name, ())]
    linked += [(row, row.text("link_id")) for row in rows.get("attributes", ()) if of_service(row)]
    sentence = "belongs to a service that is not in services.csv."
    return [Remark(row.place, "", Fate.DROPPED, sentence) for row, id_ in linked if id_ and id_ not in ids]
