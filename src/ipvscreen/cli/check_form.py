"""What would happen with a Questionnaire file that is dropped in: refused, or shown, where, and how valid."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ipvscreen.cli.check_house import House
from ipvscreen.errors import FormRefused
from ipvscreen.ipv.packs import Pack
from ipvscreen.ipv.packs_file import PAGE_FIELDS, Shelf, packs_of
from ipvscreen.ipv.validity import NO_STUDY, Row
from ipvscreen.ipv.wording import Pin, changed, languages, reviewed, untranslated
from ipvscreen.resources.finding import Finding, bad, good, warning
from ipvscreen.sdc.file import parse
from ipvscreen.sdc.form import Control, Form, Item
from ipvscreen.sdc.load import load_form, problems

_STUDY = "If there is a study, add it to validity.json beside the file."
_READ = "Have the words read, and add them to wording.json beside the file."
_CHANGE = "Change the file: what is not supported is refused, never shown wrong."


@dataclass(frozen=True, slots=True)
class Report:
    """What was found; `form` is None where the file is refused."""

    findings: tuple[Finding, ...]
    form: Form | None = None


def check_form(raw: bytes, house: House) -> Report:
    """Everything that can be said about the file without showing it to anybody."""
    try:
        body = parse(raw)
    except FormRefused as refused:
        return Report((_refused(refused),))
    if found := problems(body):
        return Report(tuple(map(_refused, found)))
    form = load_form(body)
    findings = (
        good("Form", f"'{form.name}', {form.canonical}"),
        _shown(form),
        *_names(form, body, house),
        _pack_finding(form, house),
        _validity(form, house.rows),
        *_wording(form, body, house.pins),
        *house.findings,
    )
    return Report(findings, form)


def _refused(refused: FormRefused) -> Finding:
    return bad(refused.path, refused.sentence, _CHANGE)


def _shown(form: Form) -> Finding:
    items = tuple(form.walk())
    calculated = sum(item.calculated is not None for item in items)
    hidden = sum(item.hidden for item in items)
    words = (
        f"{_number(len(form.questions()), 'question')} on {_number(pages(form), 'page')}",
        f"{calculated} calculated by the server",
        f"{hidden} not shown",
    )
    return good("Shown", "; ".join(words))


def pages(form: Form) -> int:
    """How many pages its questions take: its groups that are a page, else one."""
    return max(1, sum(item.control is Control.PAGE for item in form.items))


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _names(form: Form, body: Mapping[str, Any], house: House) -> Iterator[Finding]:
    """Names that are taken: of the form, and of the controls of its items."""
    if house.files.get(form.name, body) != body:
        yield bad("Name", f"'{form.name}' is the name of a form that ships.", "Change Questionnaire.name.")
    ids = {item.link_id for item in form.walk()}
    if taken := sorted(ids & PAGE_FIELDS):
        yield bad("linkId", f"{_listed(taken)}: our pages have controls of that name.", "Change the linkIds.")
    others = [one for one in house.forms.values() if one.name != form.name]
    shared = {one.name: sorted(ids & {item.link_id for item in one.walk()}) for one in others}
    for name, same in shared.items():
        if same:
            words = f"{_listed(same)}: also in '{name}'. The two cannot stand on one page."
            yield warning("linkId", words, "A page of its own is no trouble.")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _pack_finding(form: Form, house: House) -> Finding:
    """Which packs would ask it; one that none names has a page of its own in each of its language."""
    own = () if form.name in house.forms else (form.name,)
    shelf = Shelf({**house.forms, form.name: form}, reviewed(house.pins), own)
    try:
        packs = packs_of(house.packs, shelf).by_name
    except ValueError as error:
        return bad("Packs", str(error), "Change the file.")
    using = [name for name, pack in packs.items() if form in _forms_of(pack)]
    if not using:
        return warning("Packs", "No pack asks it.", "Name it in a packs.toml, in a pack of its language.")
    return good("Packs", ", ".join(using))


def _forms_of(pack: Pack) -> tuple[Form, ...]:
    return (*pack.shown(), *(one.form for one in pack.more))


def _validity(form: Form, rows: Sequence[Row]) -> Finding:
    about = [row for row in rows if row.instrument == form.name]
    studied = [row for row in about if row.population]
    if studied:
        return good("Validity", " ".join(f"Validated in {row.population}. {row.limits}" for row in studied))
    says = about[0].limits if about else NO_STUDY
    return warning("Validity", f"Pages say: {says}", _STUDY)


def _wording(form: Form, body: Mapping[str, Any], pins: Sequence[Pin]) -> Iterator[Finding]:
    stale = changed(form.name, body, pins)
    for sentence in stale:
        yield warning("Wording", sentence, _READ)
    if not stale:
        yield good("Wording", _pinned(form.name, pins))
    for language in languages(body)[1:]:
        if missing := untranslated(body, language):
            words = f"{_number(len(missing), 'text')} not in {language}, such as '{missing[0]}'."
            yield warning("Translation", words, "Complete the translation.")


def _pinned(name: str, pins: Sequence[Pin]) -> str:
    mine = [pin for pin in pins if pin.form == name]
    return " ".join(f"{pin.language}: as of {pin.date}. {pin.reviewer}" for pin in mine)


def notes(item: Item) -> str:
    """What else there is to know of an item, in a few words."""
    said = {
        "required": item.required,
        "repeats": item.repeats,
        "hidden": item.hidden,
        "read-only": item.read_only,
        "calculated": item.calculated is not None,
        "follows others": bool(item.enable_when or item.enable_expression),
    }
    return ", ".join(words for words, holds in said.items() if holds)
