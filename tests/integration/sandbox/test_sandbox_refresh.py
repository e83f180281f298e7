"""Refresh tokens: rotation, reuse, expiry (RFC 6749, 6; RFC 9700, 4.14; SMART 2.2, refresh)."""

import asyncio
from typing import Any

import httpx
import pytest

from ipvscreen.sandbox.state import Sandbox
from ipvscreen.sandbox.switches import Switches

SCOPE = "launch openid fhirUser patient/*.rs online_access"


@pytest.fixture
async def first(handshake: Any) -> dict[str, Any]:
    """What the token endpoint answered to a code, with a refresh token in it."""
    return dict(await handshake.granted(scope=SCOPE))


async def error(answer: httpx.Response) -> str:
    assert answer.status_code == 400, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.json()["error"])


@pytest.mark.parametrize(
    ("scope", "there"),
    [
        ("launch patient/*.rs", False),
        ("launch patient/*.rs online_access", True),
        ("launch patient/*.rs offline_access", True),
    ],
)
async def test_a_refresh_token_comes_with_its_scope_alone(handshake: Any, scope: str, there: bool) -> None:
    assert ("refresh_token" in await handshake.granted(scope=scope)) == there


async def test_without_the_scope_in_the_grant_there_is_none(handshake: Any, switches: Switches) -> None:
    switches.narrow_scopes = {"online_access"}
    granted = await handshake.granted(scope=SCOPE)
    assert granted["scope"] == "launch openid fhirUser patient/*.rs"
    assert "refresh_token" not in granted


async def test_a_refresh_gives_new_tokens_for_the_same_patient(handshake: Any, first: dict[str, Any]) -> None:
    answer = await handshake.refreshed(first["refresh_token"])
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    second = answer.json()
    assert second["access_token"] != first["access_token"]
    assert second["refresh_token"] != first["refresh_token"]
    same = ("scope", "patient", "encounter", "expires_in", "token_type")
    assert {name: second[name] for name in same} == {name: first[name] for name in same}
    assert "id_token" not in second
    assert [await handshake.reads(token) for token in (first, second)] == [200, 200]


async def test_an_app_can_go_on_for_as_long_as_the_sign_in(
    handshake: Any, first: dict[str, Any], clock: Any, switches: Switches
) -> None:
    token = first
    for _ in range(switches.refresh_expires_in // 3600 - 1):
        clock.forward(hours=1)
        assert await handshake.reads(token) == 401
        token = (await handshake.refreshed(token["refresh_token"])).json()
        assert await handshake.reads(token) == 200
    clock.forward(hours=1)
    answer = await handshake.refreshed(token["refresh_token"])
    assert await error(answer) == "invalid_grant"
    assert answer.json()["error_description"] == "This refresh token is too old."


async def test_a_used_refresh_token_takes_everything_back(handshake: Any, first: dict[str, Any]) -> None:
    second = (await handshake.refreshed(first["refresh_token"])).json()
    third = (await handshake.refreshed(second["refresh_token"])).json()
    assert await error(await handshake.refreshed(first["refresh_token"])) == "invalid_grant"
    assert [await handshake.reads(token) for token in (first, second, third)] == [401, 401, 401]
    assert await error(await handshake.refreshed(third["refresh_token"])) == "invalid_grant"


async def test_another_sign_in_is_left_alone(handshake: Any, first: dict[str, Any]) -> None:
    other = await handshake.granted(scope=SCOPE)
    await handshake.refreshed(first["refresh_token"])
    await handshake.refreshed(first["refresh_token"])
    assert await handshake.reads(other) == 200
    assert (await handshake.refreshed(other["refresh_token"])).status_code == 200


async def test_a_code_that_comes_twice_takes_back_what_was_refreshed(handshake: Any) -> None:
    code = await handshake.code(scope=SCOPE)
    first = (await handshake.exchanged(code)).json()
    second = (await handshake.refreshed(first["refresh_token"])).json()
    assert await error(await handshake.exchanged(code)) == "invalid_grant"
    assert await handshake.reads(second) == 401
    assert await error(await handshake.refreshed(second["refresh_token"])) == "invalid_grant"


async def test_of_two_refreshes_at_once_one_wins_and_both_lose(handshake: Any, first: dict[str, Any]) -> None:
    """Why an app must refresh one at a time."""
    both = await asyncio.gather(*(handshake.refreshed(first["refresh_token"]) for _ in range(2)))
    won, lost = sorted(both, key=lambda answer: answer.status_code)
    assert (won.status_code, lost.status_code) == (200, 400)
    assert await handshake.reads(won.json()) == 401


async def test_a_scope_can_be_narrowed_for_one_token_and_never_widened(
    handshake: Any, first: dict[str, Any]
) -> None:
    wider = await handshake.refreshed(first["refresh_token"], scope=f"{SCOPE} patient/*.cruds")
    assert await error(wider) == "invalid_scope"
    # The refusal has not used the refresh token up.
    narrow = (await handshake.refreshed(first["refresh_token"], scope="launch patient/Flag.rs")).status_code
    assert narrow == 400
    narrowed = (await handshake.refreshed(first["refresh_token"], scope="launch openid")).json()
    assert (narrowed["scope"], narrowed["patient"]) == ("launch openid", "anna-woman")
    assert await handshake.reads(narrowed) == 403
    again = (await handshake.refreshed(narrowed["refresh_token"])).json()
    assert again["scope"] == SCOPE


async def test_an_empty_scope_counts_as_none(handshake: Any, first: dict[str, Any]) -> None:
    """RFC 6749, 3.1: a parameter without a value is treated as if it were left out."""
    assert (await handshake.refreshed(first["refresh_token"], scope="")).json()["scope"] == SCOPE


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ({"refresh_token": None}, "invalid_request"),
        ({"refresh_token": ""}, "invalid_request"),
        ({"refresh_token": "guessed"}, "invalid_grant"),
        ({"client_id": None}, "invalid_request"),
        ({"client_id": "someone-else"}, "invalid_client"),
    ],
)
async def test_a_bad_refresh_is_refused(
    handshake: Any, first: dict[str, Any], form: dict[str, str | None], wanted: str
) -> None:
    assert await error(await handshake.refreshed(first["refresh_token"], **form)) == wanted
    assert (await handshake.refreshed(first["refresh_token"])).status_code == 200


async def test_an_access_token_is_no_refresh_token_nor_the_other_way_round(
    handshake: Any, first: dict[str, Any]
) -> None:
    assert await error(await handshake.refreshed(first["access_token"])) == "invalid_grant"
    assert await handshake.reads({"access_token": first["refresh_token"]}) == 401


@pytest.mark.parametrize(("scope", "goes_on"), [("online_access", False), ("offline_access", True)])
async def test_online_access_ends_when_the_clinician_signs_out(
    handshake: Any, sandbox: Sandbox, scope: str, goes_on: bool
) -> None:
    token = await handshake.granted(scope=f"launch patient/*.rs {scope}")
    sandbox.tokens.sign_out("dr-lindqvist")
    token = (await handshake.refreshed(token["refresh_token"])).json()
    sandbox.tokens.sign_out("dr-osei")
    assert await handshake.reads(token) == 200  # until it ends by itself
    assert (await handshake.refreshed(token["refresh_token"])).is_success == goes_on


async def test_without_rotation_the_first_one_goes_on(
    handshake: Any, first: dict[str, Any], switches: Switches
) -> None:
    switches.keep_refresh_token = True
    for _ in range(3):
        answer = await handshake.refreshed(first["refresh_token"])
        assert answer.status_code == 200
        assert "refresh_token" not in answer.json()


@pytest.mark.parametrize("how", [True, "hang-up"])
async def test_a_lost_answer_has_used_the_refresh_token_up(
    handshake: Any, first: dict[str, Any], switches: Switches, how: Any
) -> None:
    switches.lose_answer, switches.at = how, ("POST", "token")
    if how is True:
        assert (await handshake.refreshed(first["refresh_token"])).status_code == 500
    else:
        with pytest.raises(httpx.RemoteProtocolError):
            await handshake.refreshed(first["refresh_token"])
    switches.lose_answer = False
    assert await error(await handshake.refreshed(first["refresh_token"])) == "invalid_grant"


async def test_discovery_says_so(client: httpx.AsyncClient) -> None:
    found = (await client.get("/fhir/.well-known/smart-configuration")).json()
    assert found["grant_types_supported"] == ["authorization_code", "refresh_token"]
    assert {"permission-online", "permission-offline"} <= set(found["capabilities"])
    assert {"online_access", "offline_access"} <= set(found["scopes_supported"])
