"""Which configured record system an `iss` names: decided on its text, before any name is looked up.

`iss` is a parameter that anybody can send (SMART App Launch 2.2, App Launch: EHR). A match that is a little
too clever would send the clinician's browser to somebody else's sign-in page.
"""

from collections.abc import Mapping

from ipvscreen.errors import LaunchRefused
from ipvscreen.smart.addresses import parse

Parts = tuple[str, str, str]

LONGEST = 2048


def listed(iss: str, known: Mapping[str, str]) -> str | None:
    """The name under which `iss` is in `known` (name → configured `iss`), or None; nothing is fetched.

    Scheme, authority and path must equal those configured, to the letter: no case is folded, no default
    port is added, no dot segment or percent sign is resolved. Only one trailing slash may differ, since a
    server's own launches come with and without it.
    """
    asked = _parts(iss)
    if asked is None:
        return None
    return next((name for name, address in known.items() if _parts(address) == asked), None)


def _parts(address: str) -> Parts | None:
    """Scheme, authority and path as written; None for what no record system's base address looks like."""
    if len(address) > LONGEST or not (address.isascii() and address.isprintable()) or "?" in address:
        return None
    try:
        parse(address)
    except LaunchRefused:
        return None
    scheme, _, rest = address.partition("://")
    authority = rest.partition("/")[0]
    return scheme, authority, rest.removeprefix(authority).removesuffix("/")
