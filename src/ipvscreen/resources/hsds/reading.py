"""A whole HSDS file or set of tables → the services that can be taken, and a report of all the rest."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ipvscreen.ipv.services import Kind, Service
from ipvscreen.resources.directory_report import Fate, Reading, Remark, why_not_offered
from ipvscreen.resources.hsds.as_json import services_in
from ipvscreen.resources.hsds.node import Node
from ipvscreen.resources.hsds.service import service_of_node
from ipvscreen.resources.hsds.tables import services_of


def read_json(name: str, body: Any) -> Reading:
    """From JSON that `parsed` has read; ValueError where the file is broken as a whole."""
    return _read(services_in(name, body), ())


def read_tables(files: Mapping[str, bytes]) -> Reading:
    """From tables by file name; ValueError where they are broken as a whole."""
    nodes, remarks = services_of(files)
    return _read(nodes, remarks)


def _read(nodes: Sequence[Node], remarks: Sequence[Remark]) -> Reading:
    often = Counter(node.text("id") for node in nodes)
    services, said = [], list(remarks)
    for node in nodes:
        read = _one(node, often[node.text("id")])
        if isinstance(read, Remark):
            said.append(read)
        else:
            services.append(read)
            said.extend(_told(node, read))
    return Reading(len(nodes), tuple(services), tuple(said))


def _one(node: Node, times: int) -> Service | Remark:
    name = node.text("name") or "A service without a name"
    try:
        if node.text("id") and times > 1:
            raise ValueError(f"its id stands {times} times; which of them holds is not known.")
        return service_of_node(node)
    except ValueError as wrong:
        return Remark(node.place, name, Fate.LEFT_OUT, str(wrong))


def _told(node: Node, service: Service) -> Iterator[Remark]:
    """What is dropped of a service that is taken, and why it may not be offered."""
    if service.kind is Kind.REFUGE:
        for one in _where(node):
            sentence = "a refuge has an address here; it is not stored."
            yield Remark(one.place, service.name, Fate.DROPPED, sentence)
    coded = [one for one in node.all("languages") if one.text("code") not in service.languages]
    for one in coded:
        yield Remark(
            one.place, service.name, Fate.DROPPED, "a language without an ISO 639 code is not compared."
        )
    yield from why_not_offered(node.place, service)


def _where(node: Node) -> Iterator[Node]:
    yield from node.walk("addresses")
    for name in ("location", "locations"):
        for one in node.walk(name):
            if one.text("latitude") or one.text("longitude"):
                yield one
