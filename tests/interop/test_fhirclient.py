"""fhirclient launches by itself against the sandbox, over sockets, and parses every kind that visits wrote.

Its launch, and what every visit leaves, parsed in process: tests/integration/test_second_reader.py.
"""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from conftest import shared
from fhirclient.models.fhirabstractbase import FHIRValidationError
from fhirclient.models.fhirelementfactory import FHIRElementFactory

reader = shared("test_second_reader")
addresses, launched = reader.addresses, reader.launched  # fixtures
forms_of = shared("conftest").PageForms
ANNA, NADIA = "anna-woman", "nadia-woman"


def visited(addresses: dict[str, str], patient: str, *pages: dict[str, Any]) -> str:
    """Launch, post these fields page by page as a browser would, and give the last page."""
    with httpx.Client(
        follow_redirects=True, timeout=60, headers={"Sec-Fetch-Site": "same-origin"}
    ) as browser:
        reader.trust_loopback(browser)
        page = browser.get(addresses["launch"], params={"patient": patient})
        for fields in pages:
            forms = forms_of(page.text).forms
            form = next(one for one in forms if set(fields) <= one["names"])
            kept = dict(one for one in form["fields"] if one[0] not in fields)
            service = page.text.partition('name="service" value="')[2].partition('"')[0]
            first = {"service": service} if "service" in form["names"] else {}
            page = browser.post(page.url.join(form["action"] or str(page.url)), data=kept | first | fields)
        return str(page.url)


@pytest.fixture(scope="module")
def written(addresses: dict[str, str]) -> None:
    """A positive with flag and referral for one; only a conversation for the other."""
    sheet = reader.CONTACT | reader.AGREED
    last = visited(addresses, ANNA, {"door": "ask"}, reader.POSITIVE, reader.QUICK, sheet)
    assert last.endswith("/sent")
    visited(addresses, NADIA, {"door": "worried"}, {"recording": "conversation"})


@pytest.mark.parametrize("kind", reader.KINDS)
@pytest.mark.usefixtures("written")
def test_it_finds_and_parses(kind: str, launched: Callable[[str, str], Any]) -> None:
    patient = NADIA if kind == "Procedure" else ANNA
    server = launched(patient, "patient/*.rs").server
    model = type(FHIRElementFactory.instantiate(kind, None))

    found = list(model.where({"patient": patient}).perform_resources_iter(server))

    assert found
    for one in found:
        assert isinstance(one, model)
        read = model.read(one.id, server)
        assert read.as_json() == one.as_json()
        if one.meta.security:
            assert {label.code for label in read.meta.security} & {"R", "V"}
    assert any(one.meta.security for one in found)


def test_what_is_no_such_kind_it_refuses() -> None:
    """The control: it would tell."""
    with pytest.raises(FHIRValidationError):
        FHIRElementFactory.instantiate("Task", {"resourceType": "Task", "status": 3})
