"""Services that ask for a token: got with our own keys, kept, asked for once more and never in a loop."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from ipvscreen.app import keep_services
from ipvscreen.delivery.backend import Tokens
from ipvscreen.errors import DeliveryLater, DeliveryRefused
from ipvscreen.ipv.person import Sex
from ipvscreen.ipv.referral import ReferralState
from ipvscreen.ipv.services import Backend, Kind, Service, SigningAlg
from ipvscreen.sandbox.charity import create_charity
from ipvscreen.sandbox.registration import Registration
from ipvscreen.sandbox.service_tokens import SCOPE, ServiceTokens
from ipvscreen.smart.client import Client, TokenAuth, credentials
from ipvscreen.smart.keys import SigningKey, new_signing_key, public_jwks

BASE, CLIENT, JWKS = "https://service.test", "health-questionnaire", "https://app.test/jwks.json"
ENDPOINT, TOKEN_URL = f"{BASE}/fhir", f"{BASE}/auth/token"
BACKEND = Backend(TOKEN_URL, CLIENT, SCOPE)
KEYS: dict[str, SigningKey] = {}


def key(alg: Any = "ES384") -> SigningKey:
    """Made once for all tests: an RSA key takes its time."""
    return KEYS.setdefault(alg, new_signing_key(alg))


@dataclass
class Clock:
    at: datetime = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Joined:
    """A charity that asks for tokens, and our side of it; `asked` is every request, by its path."""

    charity: Any
    tokens: Tokens
    clock: Clock
    http: httpx.AsyncClient
    asked: list[str]

    @property
    def server(self) -> ServiceTokens:
        found: ServiceTokens = self.charity.state.sandbox.tokens
        return found

    async def send(self, token: str | None) -> str:
        """A message, as far as its token goes: 401, or what comes after."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await self.http.post(f"{ENDPOINT}/$process-message", headers=headers)
        if answer.status_code == 401:
            raise DeliveryRefused(401, "no token of theirs")
        return str(token)

    async def ask(self, **claims: Any) -> httpx.Response:
        """A request for a token with our own good assertion, but for these claims; `signed_by` another."""
        signed_by = claims.pop("signed_by", key())
        body = {
            "iss": CLIENT,
            "sub": CLIENT,
            "aud": TOKEN_URL,
            "jti": "once",
            "exp": int(self.clock().timestamp()) + 60,
        }
        header = {"alg": "ES384", "kid": key().kid, "typ": "JWT"}
        private = ECKey.import_key(dict(signed_by.jwk))
        form = {
            "grant_type": "client_credentials",
            "scope": SCOPE,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode(header, body | claims, private, algorithms=["ES384"]),
        }
        return await self.http.post(TOKEN_URL, data=form)


@pytest.fixture
async def joined() -> AsyncIterator[Joined]:
    clock, asked = Clock(), list[str]()

    async def jwks() -> dict[str, Any]:
        return public_jwks([key("ES384"), key("RS384")])

    async def sign(alg: str) -> SigningKey:
        return key(alg)

    async def note(request: httpx.Request) -> None:
        asked.append(request.url.path)

    charity = create_charity(
        base_url=BASE, token="reads", clock=clock, client_id=CLIENT, jwks=jwks, jwks_url=None
    )
    transport, hooks = httpx.ASGITransport(charity), {"request": [note]}
    async with httpx.AsyncClient(transport=transport, event_hooks=hooks) as http:
        yield Joined(charity, Tokens(http, sign, clock), clock, http, asked)


async def test_a_token_is_kept_until_it_ends(joined: Joined) -> None:
    first = await joined.tokens.sent(BACKEND, ENDPOINT, joined.send)
    joined.clock.at += timedelta(seconds=289)
    assert await joined.tokens.sent(BACKEND, ENDPOINT, joined.send) == first
    assert joined.server.issued == 1

    joined.clock.at += timedelta(seconds=2)  # ten seconds before its end
    assert await joined.tokens.sent(BACKEND, ENDPOINT, joined.send) != first
    assert joined.server.issued == 2


@pytest.mark.parametrize("alg", SigningAlg)
async def test_with_a_key_of_each_kind(joined: Joined, alg: SigningAlg) -> None:
    assert await joined.tokens.token(replace(BACKEND, alg=alg), ENDPOINT)


async def test_one_asks_and_the_others_wait_for_the_same(joined: Joined) -> None:
    got = await asyncio.gather(*(joined.tokens.token(BACKEND, ENDPOINT) for _ in range(20)))

    assert len(set(got)) == 1
    assert joined.server.issued == 1


async def test_one_that_gives_up_waiting_takes_nothing_from_the_others(joined: Joined) -> None:
    first = asyncio.create_task(joined.tokens.token(BACKEND, ENDPOINT))
    second = asyncio.create_task(joined.tokens.token(BACKEND, ENDPOINT))
    await asyncio.sleep(0)
    first.cancel()

    assert await second
    assert joined.server.issued == 1


async def test_a_token_that_is_not_known_leads_to_one_new_one(joined: Joined) -> None:
    first = await joined.tokens.token(BACKEND, ENDPOINT)
    joined.server.revoke()

    assert await joined.tokens.sent(BACKEND, ENDPOINT, joined.send) != first
    assert joined.server.issued == 2


async def test_many_at_once_whose_token_is_not_known_ask_for_one_new_one(joined: Joined) -> None:
    await joined.tokens.token(BACKEND, ENDPOINT)
    joined.server.revoke()

    got = await asyncio.gather(*(joined.tokens.sent(BACKEND, ENDPOINT, joined.send) for _ in range(8)))

    assert len(set(got)) == 1
    assert joined.server.issued == 2


async def test_a_service_that_knows_none_of_its_tokens_is_asked_twice_and_not_in_a_loop(
    joined: Joined,
) -> None:
    joined.server.life = 30.0
    joined.server.check = _never  # type: ignore[method-assign]

    with pytest.raises(DeliveryRefused) as refused:
        await joined.tokens.sent(BACKEND, ENDPOINT, joined.send)

    assert refused.value.status == 401
    assert joined.server.issued == 2
    assert joined.asked.count("/fhir/$process-message") == 2


def _never(request: Any) -> None:
    from ipvscreen.sandbox.refusals import Refusal

    raise Refusal(401, "login", "Nobody is let in.")


async def test_any_other_refusal_asks_for_no_new_token(joined: Joined) -> None:
    async def refused(token: str | None) -> str:
        raise DeliveryRefused(422, "no")

    with pytest.raises(DeliveryRefused):
        await joined.tokens.sent(BACKEND, ENDPOINT, refused)
    assert joined.server.issued == 1


async def test_without_a_row_that_says_so_no_token_is_asked_for(joined: Joined) -> None:
    async def sent(token: str | None) -> str:
        return str(token)

    assert await joined.tokens.sent(None, ENDPOINT, sent) == "None"
    assert joined.asked == []


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (503, DeliveryLater),
        (429, DeliveryLater),
        (400, DeliveryRefused),
        (401, DeliveryRefused),
        (302, DeliveryRefused),
    ],
)
async def test_no_token_is_told_apart_as_later_or_never(
    joined: Joined, status: int, error: type[Exception]
) -> None:
    joined.server.fails = status

    with pytest.raises(error):
        await joined.tokens.token(BACKEND, ENDPOINT)
    joined.server.fails = None
    assert await joined.tokens.token(BACKEND, ENDPOINT), "a failure is not kept"


async def test_an_answer_that_is_none_a_silent_server_and_no_key() -> None:
    async def sign(alg: str) -> SigningKey:
        return key(alg)

    async def none(alg: str) -> SigningKey:
        raise LookupError(alg)

    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no")

    for handler, signer in ((lambda _: httpx.Response(200, json={}), sign), (silent, sign), (silent, none)):
        async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as http:
            with pytest.raises(DeliveryLater):
                await Tokens(http, signer, Clock()).token(BACKEND, ENDPOINT)


@pytest.mark.parametrize(
    "url",
    [
        "http://service.test/auth/token",
        "https://other.test/auth/token",
        "https://10.0.0.1/auth/token",
        "https://service.test.other.test/auth/token",
        "https://localhost/auth/token",
        "https://user@service.test/auth/token",
        "https://service.internal/auth/token",
    ],
)
async def test_no_token_is_asked_for_at_an_address_that_nobody_agreed_to(joined: Joined, url: str) -> None:
    with pytest.raises(DeliveryRefused, match="cannot be asked for a token"):
        await joined.tokens.token(replace(BACKEND, token_url=url), ENDPOINT)
    assert joined.asked == []


# The sandbox's own checks, each with what passes


async def test_the_service_takes_our_assertion_once(joined: Joined) -> None:
    assert (await joined.ask()).status_code == 200
    again = await joined.ask()
    assert (again.status_code, again.json()["error"]) == (400, "invalid_client")
    assert "jti" in again.json()["error_description"]
    assert (await joined.ask(jti="another")).status_code == 200


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"aud": f"{BASE}/fhir"}, "aud"),
        ({"iss": "somebody"}, "iss"),
        ({"exp": 1}, "exp"),
        ({"exp": int(Clock.at.timestamp()) + 301}, "longer than five minutes"),
        ({"signed_by": new_signing_key("ES384")}, "signature"),
    ],
)
async def test_the_service_refuses_an_assertion_that_is_wrong(
    joined: Joined, claims: dict[str, Any], words: str
) -> None:
    answer = await joined.ask(**claims)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")
    assert words in answer.json()["error_description"]
    assert joined.server.issued == 0


async def test_a_message_without_a_token_of_theirs_is_not_taken(joined: Joined) -> None:
    for headers in ({}, {"Authorization": "Bearer made-up"}, {"Authorization": "Basic x"}):
        answer = await joined.http.post(f"{ENDPOINT}/$process-message", headers=headers)
        assert answer.status_code == 401
    assert joined.charity.state.sandbox.received() == []


async def test_our_assertion_names_the_address_to_the_letter(joined: Joined) -> None:
    client = Client(CLIENT, TokenAuth.PRIVATE_KEY_JWT, key=key(), jwks_url=JWKS)
    fields, _ = credentials(client, TOKEN_URL, joined.clock())
    form = {"grant_type": "client_credentials", "scope": SCOPE, **fields}

    answer = await joined.http.post(TOKEN_URL, data=form)

    assert "jku" in answer.json()["error_description"], "it is registered without an address for keys"


# The whole way

SHEET = {"service": "harbour", "way": "phone", "number": "07700 900123", "out": "yes", "back": "yes"}
QUIET = {"safe-today": "yes", "neck": "no", "suicide": "no"}
HARBOUR = Service(
    id="harbour",
    kind=Kind.SPECIALIST,
    name="Harbour",
    short_name="Harbour",
    for_whom="Adults.",
    hours="weekdays 9 to 17",
    phone="01632 960 555",
    reply_hours=48,
    endpoint=ENDPOINT,
    sexes=frozenset({Sex.FEMALE}),
    contact_rules_signed=date(2026, 1, 5),
    token_url=TOKEN_URL,
    token_client=CLIENT,
    token_scope=SCOPE,
)


def lock(house: Any) -> ServiceTokens:
    """The house's charity takes messages with its tokens alone from here on; our keys as we publish them."""

    async def jwks() -> dict[str, Any]:
        async with house.browser() as browser:
            published: dict[str, Any] = (await browser.get("/jwks.json")).json()
            return published

    app = Registration(CLIENT, (), "", "", "private_key_jwt", None, jwks, JWKS)
    tokens = ServiceTokens(BASE, app, house.clock)
    house.charity.state.sandbox.tokens = tokens
    house.charity.add_api_route("/auth/token", tokens.answer, methods=["POST"])
    return tokens


async def referred(house: Any, patient: str) -> ReferralState:
    visitor = house.visitor()
    await visitor.launch(patient)
    for fields in ({"door": "told"}, QUIET, SHEET):
        await visitor.post(fields)
    await visitor.until("Harbour")
    for _ in range(200):
        (one,) = await house.app.state.rooms.store.referrals.of_visit(visitor.visit)
        if one.state is not ReferralState.QUEUED:
            break
        await asyncio.sleep(0.02)
    await visitor.browser.aclose()
    return ReferralState(one.state)


async def test_referrals_arrive_with_one_token_that_our_published_keys_have_earned(house: Any) -> None:
    tokens = lock(house)
    await keep_services(house.settings, [HARBOUR])

    assert await referred(house, "anna-woman") is ReferralState.RECEIVED
    assert await referred(house, "clara-woman") is ReferralState.RECEIVED

    assert len(house.charity.state.sandbox.received()) == 2
    assert tokens.issued == 1


async def test_where_the_row_says_nothing_of_a_token_the_service_refuses(house: Any) -> None:
    """The control of the one above."""
    tokens = lock(house)
    await keep_services(house.settings, [replace(HARBOUR, token_url="", token_client="", token_scope="")])

    assert await referred(house, "anna-woman") is ReferralState.REFUSED
    assert (house.charity.state.sandbox.received(), tokens.issued) == ([], 0)
