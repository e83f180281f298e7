"""Faults by name: what `--flaw` switches on is what a client then meets, and nothing else."""

from typing import Any

import httpx
import pytest

from ipvscreen.sandbox.flaws import FLAWS
from ipvscreen.sandbox.kinds import WRITABLE
from ipvscreen.sandbox.switches import Switches

LABELS = [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]


def flag() -> dict[str, Any]:
    return {
        "resourceType": "Flag",
        "meta": {"security": LABELS},
        "status": "active",
        "code": {"text": "See restricted note"},
        "subject": {"reference": "Patient/anna-woman"},
    }


@pytest.mark.parametrize("name", FLAWS)
def test_each_flaw_changes_something_and_says_what_it_is(name: str) -> None:
    flawed = Switches()
    FLAWS[name](flawed)
    assert flawed != Switches()
    assert FLAWS[name].__doc__


async def test_no_s256(handshake: Any, client: httpx.AsyncClient, switches: Switches) -> None:
    """Neither announced nor looked at; the launch goes on as ever."""
    FLAWS["no-s256"](switches)
    found = (await client.get("/fhir/.well-known/smart-configuration")).json()
    assert "code_challenge_methods_supported" not in found
    await handshake.granted()
    code = await handshake.code(code_challenge=None, code_challenge_method=None)
    assert (await handshake.exchanged(code, code_verifier=None)).status_code == 200


async def test_drops_labels(anna: httpx.AsyncClient, switches: Switches) -> None:
    FLAWS["drops-labels"](switches)
    assert switches.drop_labels == WRITABLE
    made = (await anna.post("/Flag", json=flag())).json()
    assert "security" not in (await anna.get(f"/Flag/{made['id']}")).json()["meta"]


async def test_no_flag_create(anna: httpx.AsyncClient, switches: Switches) -> None:
    FLAWS["no-flag-create"](switches)
    assert (await anna.post("/Flag", json=flag())).status_code == 405
    assert (await anna.get("/Flag")).status_code == 200


async def test_labels_missing_in_bundles(anna: httpx.AsyncClient, switches: Switches) -> None:
    FLAWS["labels-missing-in-bundles"](switches)
    ident = (await anna.post("/Flag", json=flag())).json()["id"]
    for address in (f"/Flag/{ident}", f"/Flag/{ident}/_history/1"):
        assert (await anna.get(address)).json()["meta"]["security"] == LABELS
    for address in ("/Flag", f"/Flag/{ident}/_history"):
        [entry] = (await anna.get(address)).json()["entry"]
        assert "security" not in entry["resource"]["meta"]


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("downgrades-labels", "downgraded"),
        ("drops-labels-on-update", "on-update"),
        ("labels-missing-in-search", "in-search"),
        ("labels-missing-in-history", "in-history"),
        ("labels-of-other-system", "other-system"),
        ("saves-nothing", "not-saved"),
        ("labels-late", "late"),
    ],
)
async def test_a_way_of_losing_labels_is_one_of_every_type(
    anna: httpx.AsyncClient, switches: Switches, name: str, way: Any
) -> None:
    FLAWS[name](switches)
    assert switches.label_loss == dict.fromkeys(WRITABLE, way)
    assert all(switches.loses(kind, way) for kind in WRITABLE)

    made = await anna.post("/Flag", json=flag())

    assert made.status_code == 201
    assert made.json()["meta"]["security"] == {
        "downgraded": [LABELS[0] | {"code": "N"}],
        "other-system": [LABELS[0] | {"system": "https://codes.sandbox.example/protection"}],
    }.get(way, LABELS)
    again = await anna.get(f"/Flag/{made.json()['id']}")
    assert again.status_code == (404 if way == "not-saved" else 200)
    bare = "security" not in again.json().get("meta", {})
    assert bare is (way in ("on-update", "not-saved", "late"))
