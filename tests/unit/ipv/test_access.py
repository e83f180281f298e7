"""The table of routes and roles; the router is held against it in tests/integration/inbox."""

import re
from pathlib import Path

from ipvscreen.ipv.access import EVERYBODY, OPEN, SIGNED_IN, may_open
from ipvscreen.ipv.members import Role

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "inbox-roles.md"


def test_what_is_in_no_table_nobody_may_open() -> None:
    for role in Role:
        assert not may_open(role, "GET", "/i/nothing")
        assert not may_open(role, "DELETE", "/i/home")
        assert not any(may_open(role, *route) for route in OPEN), "these ask nobody who they are"


def test_head_is_what_get_is() -> None:
    for role in Role:
        assert (
            may_open(role, "HEAD", "/i/team")
            is may_open(role, "GET", "/i/team")
            is (role is Role.COORDINATOR)
        )


def test_everybody_has_what_is_their_own_and_nobody_has_all() -> None:
    own = {route for route, roles in SIGNED_IN.items() if roles == EVERYBODY}
    assert {path for _, path in own} == {"/i/home", "/i/home/out", "/i/keys", "/i/keys/end"}
    for role in Role:
        assert {route for route in SIGNED_IN if may_open(role, *route)} < set(SIGNED_IN)


def test_the_page_is_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    shown = {(method, path): words for method, path, words in rows}
    roles = {
        route: "everybody who is signed in" if found == EVERYBODY else ", ".join(sorted(found))
        for route, found in SIGNED_IN.items()
    }
    assert shown == {**OPEN, **roles}
    assert len(rows) == len(shown)
