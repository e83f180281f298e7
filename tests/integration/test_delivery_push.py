"""Pushing one message: every status, every way to lose an answer, and what counts as received."""

from datetime import UTC, datetime

import httpx
import pytest
import respx

from ipvscreen.delivery.fhir_push import Receipt, push
from ipvscreen.errors import DeliveryLater, DeliveryRefused

ENDPOINT = "https://service.example/fhir"
URL = f"{ENDPOINT}/$process-message"
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
MESSAGE = {"resourceType": "Bundle", "type": "message", "entry": []}


@pytest.fixture
def mock():
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
async def http():
    async with httpx.AsyncClient() as client:
        yield client


async def pushed(http, endpoint=ENDPOINT):
    return await push(http, endpoint, MESSAGE, key="key-1", correlation="correlation-1", clock=lambda: NOW)


def outcome(code, severity="error", text=None):
    issue = {"severity": severity, "code": code} | ({"details": {"text": text}} if text else {})
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def reply(code="ok", ident="h1", extra=()):
    header = {"resourceType": "MessageHeader", "id": ident, "response": {"identifier": "m1", "code": code}}
    return {"resourceType": "Bundle", "id": "b1", "entry": [{"resource": header}, *extra]}


@pytest.mark.parametrize("endpoint", [ENDPOINT, f"{ENDPOINT}/"])
async def test_the_message_goes_with_ids_that_stay_the_same(mock, http, endpoint):
    route = mock.post(URL).respond(200)

    await pushed(http, endpoint)
    await pushed(http, endpoint)

    for call in route.calls:
        headers = call.request.headers
        assert headers["X-Request-ID"] == "key-1"
        assert headers["X-Correlation-ID"] == "correlation-1"
        assert headers["User-Agent"] == "health-questionnaire"
        assert headers["Content-Type"] == headers["Accept"] == "application/fhir+json"
        assert "Authorization" not in headers


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        (httpx.Response(200), None),
        (httpx.Response(202, text="accepted"), None),
        (httpx.Response(200, json=reply()), "h1"),
        (httpx.Response(200, json=reply(ident=None)), "b1"),
        (httpx.Response(200, json=reply(), headers={"Location": f"{ENDPOINT}/Bundle/77"}), "Bundle/77"),
        (
            httpx.Response(
                200, json={"resourceType": "Bundle", "id": 7, "entry": ["odd", {"resource": "odd"}]}
            ),
            None,
        ),
        (httpx.Response(200, json={"resourceType": "Bundle", "entry": "odd", "id": "x" * 300}), "x" * 100),
        (httpx.Response(200, json={"resourceType": "Basic", "id": "x"}), None),
        (httpx.Response(200, json={"resourceType": "MessageHeader", "response": "odd"}), None),
        (httpx.Response(200, json=outcome("informational", "information")), None),
        (
            httpx.Response(
                200,
                json=reply() | {"entry": [{"resource": {"resourceType": "MessageHeader", "response": "?"}}]},
            ),
            "b1",
        ),
    ],
)
async def test_what_is_accepted_gives_a_receipt(mock, http, answer, reference):
    mock.post(URL).mock(return_value=answer)

    assert await pushed(http) == Receipt(NOW, reference, duplicate=False)


@pytest.mark.parametrize("code", ["duplicate"])
async def test_a_duplicate_has_arrived(mock, http, code):
    mock.post(URL).respond(409, json=outcome(code), headers={"Location": f"{ENDPOINT}/Bundle/77"})

    assert await pushed(http) == Receipt(NOW, "Bundle/77", duplicate=True)


@pytest.mark.parametrize("body", [outcome("conflict"), {"issue": [{"code": "duplicate"}]}, None])
async def test_any_other_conflict_is_a_refusal(mock, http, body):
    mock.post(URL).respond(409, json=body)

    with pytest.raises(DeliveryRefused) as refused:
        await pushed(http)

    assert refused.value.status == 409


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
async def test_a_passing_trouble_is_for_later_in_the_services_words(mock, http, status):
    mock.post(URL).respond(status, json=outcome("transient", text="Come back."))

    with pytest.raises(DeliveryLater, match=r"^Come back\.$") as later:
        await pushed(http)

    assert later.value.after is None


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 405, 410, 412, 413, 415, 422])
async def test_anything_else_is_a_refusal_and_never_followed(mock, http, status):
    mock.post(URL).respond(status, headers={"Location": "https://evil.example/"})
    elsewhere = mock.post(host="evil.example").respond(200)

    with pytest.raises(DeliveryRefused, match=f"status {status}") as refused:
        await pushed(http)

    assert refused.value.status == status
    assert not elsewhere.called


@pytest.mark.parametrize(
    ("value", "after"),
    [
        ("7", 7.0),
        (" 120 ", 120.0),
        ("Mon, 02 Mar 2026 10:01:00 GMT", 60.0),
        ("Mon, 02 Mar 2026 10:01:00 -0000", 60.0),
        ("Mon, 02 Mar 2026 09:00:00 GMT", 0.0),
        ("-7", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
async def test_retry_after_is_a_number_or_a_date(mock, http, value, after):
    mock.post(URL).respond(503, headers={} if value is None else {"Retry-After": value})

    with pytest.raises(DeliveryLater) as later:
        await pushed(http)

    assert later.value.after == after


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.ReadTimeout,
        httpx.RemoteProtocolError,
        httpx.WriteError,
    ],
)
async def test_a_network_failure_is_for_later_and_quotes_nothing(mock, http, fault):
    mock.post(URL).mock(side_effect=fault("inside"))

    with pytest.raises(DeliveryLater, match=r"^The service's system") as later:
        await pushed(http)

    assert "inside" not in str(later.value)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (reply("transient-error"), DeliveryLater),
        (reply("fatal-error"), DeliveryRefused),
        (reply("fatal-error", extra=[{"resource": outcome("invalid", text="Not for us.")}]), DeliveryRefused),
        (outcome("invalid", text="Not for us."), DeliveryRefused),
        (outcome("exception", "fatal"), DeliveryRefused),
    ],
)
async def test_a_refusal_inside_a_success_is_a_refusal(mock, http, body, error):
    mock.post(URL).respond(200, json=body)

    with pytest.raises(error) as refused:
        await pushed(http)

    assert str(refused.value) in ("Not for us.", "The service's system did not take the message.")
    assert ("Not for us." in str(body)) == (str(refused.value) == "Not for us.")


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://service.example/fhir",
        "https://user@service.example/fhir",
        "ftp://service.example",
        "",
        "https://",
    ],
)
async def test_nothing_goes_to_an_address_that_is_not_safe(mock, http, endpoint):
    with pytest.raises(DeliveryRefused, match="no safe address"):
        await pushed(http, endpoint)

    assert mock.calls.call_count == 0
