"""The FHIR client against every kind of answer."""

from datetime import UTC, datetime

import httpx
import pytest
import respx

from ipvscreen.ehr.client import Created, FhirClient, tail
from ipvscreen.errors import EhrRefused, EhrUnreachable

BASE = "https://ehr.example/fhir"
PATIENT = {"resourceType": "Patient", "id": "p1"}


@pytest.fixture
def mock():
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
async def client():
    async with httpx.AsyncClient() as http:
        yield FhirClient(http, f"{BASE}/", _token)


async def _token():
    return "secret-token"


def outcome(*issues):
    return {"resourceType": "OperationOutcome", "issue": list(issues)}


def bundle(*entries, kind="searchset"):
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


async def test_a_read_asks_for_fhir_json_with_the_token_and_a_neutral_name(mock, client):
    route = mock.get(f"{BASE}/Patient/p1").respond(json=PATIENT)

    assert await client.read("Patient", "p1") == PATIENT
    headers = route.calls.last.request.headers
    assert headers["Authorization"] == "Bearer secret-token"
    assert headers["Accept"] == "application/fhir+json"
    assert headers["User-Agent"] == "health-questionnaire"
    assert headers["Accept-Encoding"] == "identity"
    assert route.calls.last.request.extensions["timeout"] == {
        "connect": 3.0,
        "read": 10.0,
        "write": 10.0,
        "pool": 10.0,
    }


@pytest.mark.parametrize(
    ("kind", "ident"),
    [
        ("Patient", ".."),
        ("Patient", "."),
        ("Patient", "..."),
        ("Patient", ""),
        ("Patient", "a/b"),
        ("Patient", "p1?x=1"),
        ("Patient", "p1#x"),
        ("Patient", "%2e%2e"),
        ("Patient", "p1\n"),
        ("Patient", "x" * 65),
        ("patient", "p1"),
        ("../Patient", "p1"),
        ("", "p1"),
    ],
)
async def test_what_is_no_id_never_comes_into_an_address(mock, client, kind, ident):
    with pytest.raises(ValueError, match="not a FHIR"):
        await client.read(kind, ident)

    assert mock.calls.call_count == 0


@pytest.mark.parametrize("status", [401, 403, 404, 409, 410, 412, 422, 429, 500, 501, 503])
async def test_a_refusal_has_its_status_and_the_servers_own_words(mock, client, status):
    mock.get(f"{BASE}/Patient/p1").respond(
        status, json=outcome({"severity": "error", "details": {"text": "Own words."}})
    )

    with pytest.raises(EhrRefused) as refused:
        await client.read("Patient", "p1")

    assert (refused.value.status, str(refused.value)) == (status, "Own words.")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(mock, client, status):
    mock.get(f"{BASE}/Patient/p1").respond(status, headers={"Location": "https://evil.example/Patient/p1"})
    elsewhere = mock.get(host="evil.example").respond(json=PATIENT)

    with pytest.raises(EhrRefused) as refused:
        await client.read("Patient", "p1")

    assert refused.value.status == status
    assert not elsewhere.called


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (outcome({"severity": "error", "diagnostics": "Technical."}), "Technical."),
        (
            outcome({"severity": "error", "details": {"text": "Plain."}, "diagnostics": "Technical."}),
            "Plain.",
        ),
        (
            outcome({"severity": "error", "details": {"coding": []}, "diagnostics": "Technical."}),
            "Technical.",
        ),
        (
            outcome({"severity": "warning", "diagnostics": "W."}, {"severity": "fatal", "diagnostics": "F."}),
            "F.",
        ),
        (outcome({"severity": "information", "diagnostics": "Only this."}), "Only this."),
        (
            outcome(
                {"severity": "error", "diagnostics": "One.\n  Two.\t\x1b[31m\u2028\u202e"},
                {"severity": "error", "diagnostics": "Three."},
            ),
            "One. Two. [31m Three.",
        ),
        (outcome({"severity": "error", "diagnostics": "x" * 400}), "x" * 299 + "…"),
        (outcome({"severity": "error", "diagnostics": "x" * 300}), "x" * 300),
        (outcome({"severity": "error", "diagnostics": 7}), "did not accept"),
        (outcome("odd"), "did not accept"),
        ({"resourceType": "OperationOutcome", "issue": "odd"}, "did not accept"),
        ({"error": "other"}, "did not accept"),
        (None, "did not accept"),
    ],
)
async def test_the_words_are_the_worst_issues_and_short(mock, client, body, words):
    mock.get(f"{BASE}/Patient/p1").respond(422, json=body)

    with pytest.raises(EhrRefused) as refused:
        await client.read("Patient", "p1")

    assert words in str(refused.value)
    assert len(str(refused.value)) <= 300


async def test_a_status_without_words_is_named(mock, client):
    mock.get(f"{BASE}/Patient/p1").respond(418)

    with pytest.raises(EhrRefused, match="status 418"):
        await client.read("Patient", "p1")


@pytest.mark.parametrize(
    ("fault", "may_have_happened"),
    [
        (httpx.ConnectError, False),
        (httpx.ConnectTimeout, False),
        (httpx.PoolTimeout, False),
        (httpx.ProxyError, False),
        (httpx.UnsupportedProtocol, False),
        (httpx.LocalProtocolError, False),
        (httpx.ReadTimeout, True),
        (httpx.WriteTimeout, True),
        (httpx.ReadError, True),
        (httpx.WriteError, True),
        (httpx.CloseError, True),
        (httpx.RemoteProtocolError, True),
        (httpx.DecodingError, True),
    ],
)
async def test_a_failure_before_sending_is_told_from_one_after(mock, client, fault, may_have_happened):
    mock.post(f"{BASE}/Patient").mock(side_effect=fault("inside"))

    with pytest.raises(EhrUnreachable) as unreachable:
        await client.create(PATIENT)

    assert unreachable.value.may_have_happened is may_have_happened
    assert "inside" not in str(unreachable.value)
    assert unreachable.value.__suppress_context__


@pytest.mark.parametrize(
    "content", [b"", b"<html>sign in</html>", b"[]", b'{"resourceType":"Group"}', b"[" * 100_000]
)
async def test_an_answer_that_is_not_what_was_asked_for_is_no_answer(mock, client, content):
    mock.get(f"{BASE}/Patient/p1").respond(200, content=content)

    with pytest.raises(EhrUnreachable, match="could not be read"):
        await client.read("Patient", "p1")


async def test_an_answer_without_end_is_cut_off(mock, client):
    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self):
            while True:
                yield b"x" * 65_536

    mock.post(f"{BASE}/Patient").mock(return_value=httpx.Response(201, stream=Endless()))

    with pytest.raises(EhrUnreachable, match="too great a length") as unreachable:
        await client.create(PATIENT)

    assert unreachable.value.may_have_happened


async def test_cookies_of_one_clinician_are_not_sent_with_anothers_request(mock, client):
    route = mock.get(f"{BASE}/Patient/p1").respond(
        json=PATIENT, headers={"Set-Cookie": "session=first; Path=/"}
    )

    await client.read("Patient", "p1")
    await client.read("Patient", "p1")

    assert "Cookie" not in route.calls.last.request.headers


async def test_a_search_gives_the_matches_of_its_type_and_follows_no_link(mock, client):
    page = bundle(
        {"resource": PATIENT, "search": {"mode": "match"}},
        {"resource": PATIENT | {"id": "p2"}},
        {"resource": PATIENT | {"id": "p3"}, "search": {"mode": "include"}},
        {"resource": outcome(), "search": {"mode": "outcome"}},
        {"resource": outcome()},
        {"resource": "odd"},
        {"fullUrl": "urn:nothing"},
        "odd",
    ) | {"link": [{"relation": "next", "url": "https://evil.example/next"}]}
    route = mock.get(f"{BASE}/Patient").respond(json=page)

    found = await client.search("Patient", {"identifier": "a|b"})

    assert [body["id"] for body in found] == ["p1", "p2"]
    assert mock.calls.call_count == 1
    request = route.calls.last.request
    assert dict(request.url.params) == {"identifier": "a|b"}
    assert request.headers["Cache-Control"] == "no-cache"
    assert request.headers["Prefer"] == "handling=strict"


@pytest.mark.parametrize("body", [{"resourceType": "Bundle"}, {"resourceType": "Bundle", "entry": "odd"}])
async def test_a_search_may_find_nothing(mock, client, body):
    mock.get(f"{BASE}/Patient").respond(json=body)

    assert await client.search("Patient", {"_id": "p1"}) == []


@pytest.mark.parametrize(
    ("body", "headers", "reference"),
    [
        (PATIENT, {}, "Patient/p1"),
        (PATIENT, {"Location": f"{BASE}/Patient/other"}, "Patient/p1"),
        (None, {"Location": f"{BASE}/Patient/p2/_history/1"}, "Patient/p2"),
        (None, {"Location": "http://upstream:8080/fhir/Patient/p2"}, "Patient/p2"),
        (None, {"Location": "Patient/p2/"}, "Patient/p2"),
        (None, {"Content-Location": f"{BASE}/Patient/p3/_history/1"}, "Patient/p3"),
        (None, {"Location": f"{BASE}/", "Content-Location": "/fhir/Patient/p3"}, "Patient/p3"),
        (None, {"Location": f"{BASE}/Observation/o1"}, None),
        (None, {"Location": f"{BASE}/Patient/.."}, None),
        (None, {"Location": f"{BASE}/Patient/../_history/1"}, None),
        (None, {}, None),
        (PATIENT | {"id": ".."}, {}, None),
        (PATIENT | {"id": ""}, {}, None),
        (outcome(), {"Location": f"{BASE}/Patient/p2"}, "Patient/p2"),
        (["odd"], {}, None),
    ],
)
async def test_the_id_of_what_was_created_is_found_where_the_server_put_it(
    mock, client, body, headers, reference
):
    mock.post(f"{BASE}/Patient").respond(201, json=body, headers=headers)

    created = await client.create(PATIENT)

    assert created.reference == reference
    assert created.body in (None, body)


@pytest.mark.parametrize("status", [200, 201])
async def test_a_201_with_an_empty_body_is_a_success(mock, client, status):
    mock.post(f"{BASE}/Patient").respond(status, headers={"Location": "Patient/p9"})

    assert await client.create(PATIENT) == Created("Patient/p9", None)


async def test_a_create_sends_the_resource_and_its_condition(mock, client):
    route = mock.post(f"{BASE}/Patient").respond(201, json=PATIENT)

    await client.create({"resourceType": "Patient", "name": [{"text": "Zoë"}]}, "identifier=a|b")
    await client.create({"resourceType": "Patient"})

    first, second = (call.request for call in route.calls)
    assert first.headers["If-None-Exist"] == "identifier=a|b"
    assert first.headers["Content-Type"] == "application/fhir+json"
    assert b"Zo\\u00eb" in first.content
    assert "If-None-Exist" not in second.headers


@pytest.mark.parametrize("body", [{}, {"resourceType": "../x"}])
async def test_what_is_no_resource_is_not_sent(mock, client, body):
    with pytest.raises(ValueError, match="not a FHIR"):
        await client.create(body)

    assert mock.calls.call_count == 0


SENT = bundle(
    {"resource": {"resourceType": "Patient"}},
    {"resource": {"resourceType": "Observation"}},
    kind="transaction",
)


@pytest.mark.parametrize(
    ("answer", "references"),
    [
        (
            bundle(
                {"response": {"status": "201 Created", "location": "Patient/p1/_history/1"}},
                {"response": {"status": "200 OK"}, "resource": {"resourceType": "Observation", "id": "o1"}},
            ),
            ["Patient/p1", "Observation/o1"],
        ),
        (
            bundle(
                {"response": {"status": "201"}}, {"response": {"status": "422", "location": "Observation/o1"}}
            ),
            [None, None],
        ),
        (bundle({"response": "odd"}, {}), [None, None]),
        (bundle({"response": {"status": "201 Created", "location": "Patient/p1"}}), [None, None]),
    ],
)
async def test_a_transaction_answers_for_each_entry_in_order(mock, client, answer, references):
    route = mock.post(BASE).respond(json=answer)

    assert [created.reference for created in await client.transaction(SENT)] == references
    assert str(route.calls.last.request.url) == BASE


async def test_a_transaction_without_a_bundle_in_answer_is_no_answer(mock, client):
    mock.post(BASE).respond(200)

    with pytest.raises(EhrUnreachable) as unreachable:
        await client.transaction(SENT)

    assert unreachable.value.may_have_happened


async def test_the_capability_statement_may_be_long(mock, client):
    statement = {"resourceType": "CapabilityStatement", "description": "x" * 2_000_000}
    mock.get(f"{BASE}/metadata").respond(json=statement)

    assert await client.capability() == statement


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Patient/p1", "Patient/p1"),
        ("https://ehr.example/fhir/Patient/p1", "Patient/p1"),
        ("Patient/p1/_history/3", "Patient/p1"),
        ("#contained", None),
        ("urn:uuid:5a1c", None),
        (None, None),
        (7, None),
    ],
)
def test_the_tail_of_a_reference(reference, expected):
    assert tail(reference) == expected


@pytest.mark.parametrize(
    ("ask", "method", "path"),
    [
        (lambda c: c.vread("Flag", "f1", "2"), "GET", "/Flag/f1/_history/2"),
        (lambda c: c.history("Flag", "f1"), "GET", "/Flag/f1/_history"),
        (lambda c: c.update({"resourceType": "Flag", "id": "f1"}), "PUT", "/Flag/f1"),
        (lambda c: c.delete("Flag", "f1"), "DELETE", "/Flag/f1"),
    ],
    ids=["vread", "history", "update", "delete"],
)
async def test_versions_changes_and_deletion_ask_at_their_address_and_tell_a_refusal(
    mock, client, ask, method, path
):
    route = mock.route(method=method, url=f"{BASE}{path}").respond(
        403, json=outcome({"severity": "error", "diagnostics": "Own words."})
    )

    with pytest.raises(EhrRefused, match=r"Own words\."):
        await ask(client)

    assert route.calls.last.request.headers["Authorization"] == "Bearer secret-token"


async def test_a_history_is_its_versions_without_the_deletion(mock, client):
    first, second = ({"resourceType": "Flag", "id": "f1", "meta": {"versionId": v}} for v in "12")
    mock.get(f"{BASE}/Flag/f1/_history").respond(
        json=bundle(
            {"request": {"method": "DELETE", "url": "Flag/f1"}},
            {"resource": second},
            {"resource": first},
            kind="history",
        )
    )

    assert await client.history("Flag", "f1") == [second, first]


async def test_a_version_is_given_back(mock, client):
    flag = {"resourceType": "Flag", "id": "f1", "meta": {"versionId": "7"}}
    mock.get(f"{BASE}/Flag/f1/_history/7").respond(json=flag)

    assert await client.vread("Flag", "f1", "7") == flag


@pytest.mark.parametrize(("version", "expected"), [("3", 'W/"3"'), (None, None)])
async def test_an_update_names_the_version_that_was_seen(mock, client, version, expected):
    route = mock.put(f"{BASE}/Flag/f1").respond(200)  # Oracle Health answers a PUT with nothing

    await client.update({"resourceType": "Flag", "id": "f1", "status": "inactive"}, version)

    assert route.calls.last.request.headers.get("If-Match") == expected


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_a_deletion_may_be_answered_in_three_ways(mock, client, status):
    mock.delete(f"{BASE}/Flag/f1").respond(status)

    await client.delete("Flag", "f1")


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.vread("Flag", "f1", "../1"),
        lambda c: c.vread("Flag", "..", "1"),
        lambda c: c.history("Flag", "a/b"),
        lambda c: c.update({"resourceType": "Flag"}),
        lambda c: c.update({"resourceType": "Flag", "id": "f1"}, '1" , "2'),
        lambda c: c.delete("Flag", ""),
        lambda c: c.delete("", "f1"),
    ],
)
async def test_no_version_and_no_id_but_fhirs_own_comes_into_an_address_or_a_header(mock, client, ask):
    with pytest.raises(ValueError, match="not a FHIR"):
        await ask(client)

    assert mock.calls.call_count == 0


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Sun, 22 Nov 2026 04:08:08 GMT", datetime(2026, 11, 22, 4, 8, 8, tzinfo=UTC)),
        ("Sun, 22 Nov 2026 05:08:08 +0100", datetime(2026, 11, 22, 4, 8, 8, tzinfo=UTC)),
        ("Sun, 22 Nov 2026 04:08:08 -0000", None),
        ("yesterday", None),
        (None, None),
    ],
)
async def test_the_servers_clock_is_read_where_it_tells_the_time(mock, client, said, expected):
    mock.get(f"{BASE}/metadata").respond(json={}, headers={"Date": said} if said else {})

    assert await client.time() == expected


async def test_without_a_token_none_is_sent(mock):
    async def nothing():
        return ""

    route = mock.get(f"{BASE}/metadata").respond(json={"resourceType": "CapabilityStatement"})
    async with httpx.AsyncClient() as http:
        await FhirClient(http, BASE, nothing).capability()

    assert "Authorization" not in route.calls.last.request.headers
