"""Who may open what of the pages for services and stewards: one table of routes and roles."""

from collections.abc import Mapping

from ipvscreen.ipv.members import Role

EVERYBODY = frozenset(Role)
_COORDINATOR = frozenset({Role.COORDINATOR})
_STEWARD = frozenset({Role.STEWARD})
_SERVICE = frozenset({Role.WORKER, Role.COORDINATOR})

# Needs no session: each asks for something else (a key, an invitation) or gives nothing.
OPEN: Mapping[tuple[str, str], str] = {
    ("GET", "/i/in"): "anybody: the page that asks for a key",
    ("POST", "/i/in"): "who has a key",
    ("GET", "/i/in/{code}"): "anybody: the page that asks for a key, the same whatever the code is",
    ("POST", "/i/in/{code}"): "who has a key; of that organisation: they came because of the notice",
    ("GET", "/i/join/{code}"): "who has an invitation that was not used",
    ("POST", "/i/join/{code}"): "who has an invitation that was not used",
    ("GET", "/i/n/{code}"): "anybody: the same page whatever the code is",
    ("POST", "/i/n/{code}"): "anybody: it does something only for who is signed in, of that organisation",
    ("GET", "/i/exit"): "anybody: it only takes the cookie away",
}

# Needs a session of one of these roles.
SIGNED_IN: Mapping[tuple[str, str], frozenset[Role]] = {
    ("GET", "/i/home"): EVERYBODY,
    ("POST", "/i/home/out"): EVERYBODY,
    ("POST", "/i/home/places"): _COORDINATOR,
    ("GET", "/i/keys"): EVERYBODY,
    ("POST", "/i/keys"): EVERYBODY,
    ("POST", "/i/keys/end"): EVERYBODY,
    ("GET", "/i/cases"): _SERVICE,
    ("GET", "/i/closed"): _SERVICE,
    ("GET", "/i/cases/{key}"): _SERVICE,
    ("POST", "/i/cases/{key}"): _SERVICE,
    ("POST", "/i/cases/{key}/names"): _SERVICE,
    ("GET", "/i/cases/{key}/print"): _SERVICE,
    ("GET", "/i/team"): _COORDINATOR,
    ("POST", "/i/team"): _COORDINATOR,
    ("POST", "/i/team/again"): _COORDINATOR,
    ("POST", "/i/team/end"): _COORDINATOR,
    ("GET", "/i/organisations"): _STEWARD,
    ("POST", "/i/organisations"): _STEWARD,
    ("GET", "/i/services"): _STEWARD,
    ("POST", "/i/services"): _STEWARD,
    ("GET", "/i/proposals"): _STEWARD,
    ("POST", "/i/proposals"): _STEWARD,
    ("POST", "/i/proposals/agree"): _STEWARD,
    ("POST", "/i/proposals/stop"): _STEWARD,
}


def may_open(role: Role, method: str, route: str) -> bool:
    """Whether somebody signed in with that role may; what is in no table nobody may.

    `route` is the router's template of the path; HEAD is what GET is.
    """
    return role in SIGNED_IN.get(("GET" if method == "HEAD" else method, route), frozenset())
