"""A made-up directory in the shape of HSDS 3.0, nested and as tables that say the same."""

import csv
import io
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
Body = dict[str, Any]
COLUMNS = {
    "services": "id organization_id name alternate_name description url email status eligibility_description"
    " minimum_age maximum_age assured_date assurer_email fees_description last_modified",
    "organizations": "id name description email website legal_status",
    "phones": "id location_id service_id organization_id contact_id service_at_location_id number extension"
    " type description",
    "schedules": "id service_id location_id service_at_location_id dtstart timezone freq interval byday"
    " description opens_at closes_at",
    "languages": "id service_id location_id phone_id name code note",
    "service_areas": "id service_id name description extent extent_type uri",
    "service_at_locations": "id service_id location_id description",
    "locations": "id location_type organization_id name latitude longitude",
    "addresses": "id location_id address_1 address_2 city state_province postal_code country address_type",
    "attributes": "id link_id taxonomy_term_id link_type link_entity value",
    "taxonomy_terms": "id code name description taxonomy taxonomy_id language term_uri",
    "taxonomies": "id name description uri version",
    "contacts": "id service_id name title",
}
Rows = dict[str, list[Body]]


def page() -> Body:
    """The directory as an API gives it."""
    found: Body = json.loads((HERE / "directory.json").read_text(encoding="utf-8"))
    return found


def rows() -> Rows:
    """The same as rows of tables; what is nested becomes a key."""
    found: Rows = {name: [] for name in COLUMNS}
    for service in page()["contents"]:
        found["services"].append(service | {"organization_id": service["organization"]["id"]})
        _own(found, service)
        for place in service["service_at_locations"]:
            _place(found, service, place)
        whose = service["organization"]
        _once(found, "organizations", whose)
        for phone in whose["phones"]:
            _once(found, "phones", phone | {"organization_id": whose["id"]})
        for attribute in service["attributes"]:
            _attribute(found, service, attribute)
    return found


def _own(found: Rows, service: Body) -> None:
    for name in ("phones", "schedules", "languages", "service_areas", "contacts"):
        found[name] += [one | {"service_id": service["id"]} for one in service[name]]
    for contact in service["contacts"]:
        found["phones"] += [one | {"contact_id": contact["id"]} for one in contact["phones"]]


def _place(found: Rows, service: Body, at: Body) -> None:
    where = at["location"]
    found["service_at_locations"].append(at | {"service_id": service["id"], "location_id": where["id"]})
    found["phones"] += [one | {"service_at_location_id": at["id"]} for one in at["phones"]]
    found["locations"].append(where)
    found["addresses"] += [one | {"location_id": where["id"]} for one in where["addresses"]]


def _attribute(found: Rows, service: Body, attribute: Body) -> None:
    term = attribute["taxonomy_term"]
    taxonomy = term["taxonomy_detail"]
    found["attributes"].append(attribute | {"link_id": service["id"], "taxonomy_term_id": term["id"]})
    _once(found, "taxonomy_terms", term | {"taxonomy_id": taxonomy["id"]})
    _once(found, "taxonomies", taxonomy)


def _once(found: Rows, name: str, row: Body) -> None:
    if row["id"] not in {one["id"] for one in found[name]}:
        found[name].append(row)


def tables(made: Rows | None = None, *, delimiter: str = ",", mark: str = "") -> dict[str, bytes]:
    """The tables as files by name; `mark` stands before everything."""
    return {
        f"{name}.csv": (mark + _csv(COLUMNS[name].split(), each, delimiter)).encode()
        for name, each in (made or rows()).items()
    }


def _csv(columns: list[str], each: list[Body], delimiter: str) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, extrasaction="ignore", delimiter=delimiter)
    writer.writeheader()
    writer.writerows(each)
    return out.getvalue()
