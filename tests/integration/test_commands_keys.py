"""The commands for keys, as an integrator types them."""

import json
import re
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ipvscreen.cli import main
from ipvscreen.sandbox.directory import services_bundle

SETTINGS = """
public_url = "https://app.example.org"
database = "sqlite+aiosqlite:///store.db"
key = "{current}"

[keys]
{keys}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def settings(here: Path, current: str, **keys: str) -> None:
    lines = "\n".join(f'{name} = "{key}"' for name, key in keys.items())
    (here / "ipvscreen.toml").write_text(SETTINGS.format(current=current, keys=lines))


def new_key() -> str:
    return typed("keys", "new").stdout.strip()


def directory() -> str:
    """The services that an integrator would import."""
    bundle = services_bundle("https://service.example.org/fhir")
    return json.dumps(bundle)


def test_the_jwks_has_both_kinds_and_nothing_private(here: Path) -> None:
    settings(here, "one", one=new_key())

    first, again = typed("keys", "jwks"), typed("keys", "jwks")

    assert first.exit_code == 0
    assert first.stdout == again.stdout
    keys = json.loads(first.stdout)["keys"]
    assert sorted(key["alg"] for key in keys) == ["ES384", "RS384"]
    private = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
    assert not any(private & key.keys() for key in keys)
    assert (here / "store.db").stat().st_mode & 0o077 == 0


def test_a_rotation_is_published_at_once_and_signs_later(here: Path) -> None:
    settings(here, "one", one=new_key())
    before = kids(typed("keys", "jwks"))

    rotated = typed("keys", "rotate")

    after = kids(typed("keys", "jwks"))
    assert rotated.exit_code == 0
    assert before < after
    assert len(after) == 4
    assert {line.split()[1] for line in rotated.stdout.splitlines()} == after - before
    listed = typed("keys", "list").stdout.splitlines()
    assert listed[0] == "field one seals"
    ends = {line.split()[1]: "published until" in line for line in listed[1:]}
    assert ends == dict.fromkeys(before, True) | dict.fromkeys(after - before, False)


def test_the_lead_is_counted_in_minutes(here: Path) -> None:
    settings(here, "one", one=new_key())
    first = moments(typed("keys", "rotate"))
    later = moments(typed("keys", "rotate", "--lead", "1440"))

    assert first[0][:10] < later[0][:10], "the first signs today, the second tomorrow"
    assert typed("keys", "rotate", "--lead", "0").exit_code == 2


def test_keys_that_another_may_hold_are_gone_at_once(here: Path) -> None:
    settings(here, "one", one=new_key())
    before = kids(typed("keys", "jwks"))

    assert typed("keys", "rotate", "--compromised").exit_code == 0

    after = kids(typed("keys", "jwks"))
    assert len(after) == 2
    assert not before & after


def test_no_command_prints_a_private_key(here: Path) -> None:
    field_key = new_key()
    settings(here, "one", one=field_key)

    said = [typed("keys", *words) for words in (("jwks",), ("rotate",), ("list",), ("reseal",))]

    output = "".join(each.stdout + each.stderr for each in said)
    assert [each.exit_code for each in said] == [0, 0, 0, 0]
    assert field_key not in output
    assert '"d"' not in output


def test_a_field_key_is_exchanged_step_by_step(here: Path) -> None:
    old, new = new_key(), new_key()
    settings(here, "old", old=old)
    before = kids(typed("keys", "jwks"))
    (here / "services.json").write_text(directory())
    assert typed("services", "import", "services.json").exit_code == 0

    settings(here, "new", old=old, new=new)
    assert typed("keys", "list").stdout.splitlines()[:2] == ["field old opens only", "field new seals"]
    done = typed("keys", "reseal")

    assert done.exit_code == 0
    assert {"services: 6", "signing_keys: 2", "visits: 0"} <= set(done.stdout.splitlines())
    assert done.stdout.endswith("Nothing is left under another key than new.\n")
    settings(here, "new", new=new)
    assert kids(typed("keys", "jwks")) == before


def test_without_resealing_the_old_key_is_missed_and_the_command_says_so(here: Path) -> None:
    settings(here, "old", old=new_key())
    typed("keys", "jwks")
    settings(here, "new", new=new_key())

    done = typed("keys", "reseal")

    assert done.exit_code == 1
    assert "2 in signing_keys" in re.sub(r"\s+", " ", done.stderr)
    assert "No key in [keys] opens them." in re.sub(r"\s+", " ", done.stderr)


def test_before_there_is_a_store_there_is_nothing_to_reseal(here: Path) -> None:
    settings(here, "one", one=new_key())

    done = typed("keys", "reseal")

    assert done.exit_code == 1
    assert "ipvscreen migrate" in done.stderr


def kids(done: Result) -> set[str]:
    return {key["kid"] for key in json.loads(done.stdout)["keys"]}


def moments(done: Result) -> list[str]:
    return [line.partition("signs from ")[2] for line in done.stdout.splitlines()]
