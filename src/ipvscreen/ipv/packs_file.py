"""packs.toml → packs: strictly, and refused in words where a visit could go wrong by it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ipvscreen.ipv.gate import MAY_BE_ASKED_FROM
from ipvscreen.ipv.instruments import INSTRUMENTS, QUICK, USE
from ipvscreen.ipv.nations import SIGNED, is_draft, nations_of
from ipvscreen.ipv.packs import Asked, More, Pack, Packs, When, primary
from ipvscreen.ipv.person import Setting
from ipvscreen.ipv.referral import AGREED_MONTHS, REVIEW_DAYS
from ipvscreen.messages import message
from ipvscreen.sdc.form import Form
from ipvscreen.sdc.load import load_form

# Fields of our own on the pages of questions, and ids that their templates use.
PAGE_FIELDS = frozenset(
    {"token", "recording", "flag", "other", "door", "reason", "open", "more", "page", "leave", "entered"}
    | {"keys", "main", "setting", "age_confirmed", "resume", "action", "concern"}
)
_KEYS = frozenset(
    {"settings", "locale", "ask", "today", "more", "reason", "age_from"}
    | {"agreed_months", "review_days", "release_required", *SIGNED}
)
_MOST = {"agreed_months": 12, "review_days": 366}  # what has no end in sight is never looked at again
_LANGUAGES = {
    "en": message("English"),
    "nl": message("Dutch"),
    "fr": message("French"),
    "de": message("German"),
    "es": message("Spanish"),
    "cy": message("Welsh"),
}


@dataclass(frozen=True, slots=True)
class Shelf:
    """What packs are made of: the forms by name, and which of them are the deployer's `own`.

    `reviewed`: form and primary language of every translation that a reviewer has signed.
    """

    forms: Mapping[str, Form]
    reviewed: Collection[tuple[str, str]] = ()
    own: Sequence[str] = ()

    def form(self, name: str, locale: str) -> Form:
        """The form in the words of that locale as far as it has them; ValueError where there is none."""
        if name == USE:
            raise ValueError(f"'{USE}' has a pathway of its own and is in no pack with other forms.")
        if name not in self.forms:
            raise ValueError(f"there is no form '{name}'.")
        return spoken(self.forms[name], locale)

    def speaks(self, form: Form, locale: str) -> bool:
        """Whether all of the form is in that language; of an instrument, whether that was reviewed, too."""
        language = primary(locale)
        written = primary(self.forms[form.name].language or "en")
        signed = language == written or (form.name, language) in self.reviewed
        return primary(form.language or "en") == language and (signed or form.name not in INSTRUMENTS)


def spoken(form: Form, locale: str) -> Form:
    """The form in the words of that locale, as far as it has them."""
    same = primary(form.language or "en") == primary(locale)
    return form if same else load_form(form.source, language=locale)


def packs_of(document: Mapping[str, Any], shelf: Shelf) -> Packs:
    """The packs of a document `{"pack": {name: …}, "nation": {name: …}}`, of which nations may be missing.

    ValueError names the pack or the nation and says what is wrong.

    A form of the deployer's own that no pack names stands on a page of its own in every pack whose language
    it speaks: dropping in a file is enough.
    """
    if set(document) - {"nation"} != {"pack"} or not isinstance(document["pack"], Mapping):
        raise ValueError("packs: there must be tables [pack.…] and nothing else.")
    bodies = document["pack"].values()
    if not all(isinstance(body, Mapping) for body in bodies):
        raise ValueError("pack: each pack must be a table.")
    named = {form for body in bodies for form in _named(body)}
    loose = [name for name in shelf.own if name not in named]
    packs = {name: _pack(name, body, shelf, loose) for name, body in document["pack"].items()}
    return Packs(packs, nations_of(document.get("nation", {})))


def _named(body: Mapping[str, Any]) -> Iterator[str]:
    for key in ("ask", "more"):
        yield from (one.get("form", "") for one in body.get(key, ()) if isinstance(one, Mapping))


def _pack(name: str, body: Mapping[str, Any], shelf: Shelf, loose: Sequence[str]) -> Pack:
    try:
        return _read(name, body, shelf, loose)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"pack.{name}: {error} is missing, or not what it should be.") from None
    except ValueError as error:
        raise ValueError(f"pack.{name}: {error}") from None


def _read(name: str, body: Mapping[str, Any], shelf: Shelf, loose: Sequence[str]) -> Pack:
    _only(body, _KEYS)
    settings, locale = frozenset(Setting(one) for one in body["settings"]), _words(body, "locale")
    ask = [_asked(one, shelf, locale) for one in body["ask"]]
    today = tuple(shelf.form(one, locale) for one in body["today"])
    more = [_more(one, shelf, locale) for one in body.get("more", ())]
    more += [More(form, form.title) for form in (shelf.form(name, locale) for name in loose)]
    _check(ask, today, more)
    kept = tuple(one for one in more if shelf.speaks(one.form, locale))
    silent = [one.form for one in ask if not shelf.speaks(one.form, locale)]
    language = _LANGUAGES.get(primary(locale), locale)
    return Pack(
        name=name,
        settings=settings,
        locale=locale,
        ask=_spoken(ask, silent),
        today=today,
        more=kept,
        reason=_flag(body, "reason"),
        age_from=_age(body.get("age_from", MAY_BE_ASKED_FROM)),
        refused=(*_no_questions(silent, language), *_left_out(more, kept, language)),
        agreed_months=_number(body, "agreed_months", AGREED_MONTHS),
        review_days=_number(body, "review_days", REVIEW_DAYS),
        release_required=_flag(body, "release_required"),
        draft=is_draft(body),
    )


def _asked(one: Mapping[str, Any], shelf: Shelf, locale: str) -> Asked:
    _only(one, ("form", "when"))
    return Asked(shelf.form(one["form"], locale), When(one.get("when", When.ALWAYS)))


def _more(one: Mapping[str, Any], shelf: Shelf, locale: str) -> More:
    _only(one, ("form", "label"))
    return More(shelf.form(one["form"], locale), _words(one, "label"))


def _only(body: Mapping[str, Any], known: Collection[str]) -> None:
    if unknown := sorted(set(body.keys()) - set(known)):
        raise ValueError(f"'{unknown[0]}' is not known.")


def _words(body: Mapping[str, Any], key: str) -> str:
    value = body[key]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"'{key}' must be words.")
    return value


def _check(ask: Sequence[Asked], today: Sequence[Form], more: Sequence[More]) -> None:
    if not ask or ask[0].form.name not in INSTRUMENTS:
        raise ValueError(f"the first form of 'ask' must be one of {', '.join(INSTRUMENTS)}.")
    if ask[0].when is not When.ALWAYS:
        raise ValueError("the first form of 'ask' shows always.")
    if [form.name for form in today] != [QUICK]:  # what is done today is decided by these items
        raise ValueError(f"'today' must be ['{QUICK}'].")
    names = [form.name for form in (*(one.form for one in ask), *today, *(one.form for one in more))]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"'{twice}' is named twice.")
    _check_page([*(one.form for one in ask), *today])
    for one in more:
        _check_page([one.form])


def _check_page(forms: Sequence[Form]) -> None:
    """Controls are named by linkId alone: on one page each may mean one thing."""
    taken: dict[str, str] = dict.fromkeys(PAGE_FIELDS, "the page itself")
    for form in forms:
        for item in form.walk():
            if item.link_id in taken:
                raise ValueError(f"'{form.name}' has an item '{item.link_id}', as has {taken[item.link_id]}.")
        taken |= {item.link_id: f"'{form.name}'" for item in form.walk()}


def _spoken(ask: Sequence[Asked], silent: Sequence[Form]) -> tuple[Asked, ...]:
    """Those that may be asked; none without the instrument, which the others only stand beside."""
    if ask[0].form in silent:
        return ()
    return tuple(one for one in ask if one.form not in silent)


def _no_questions(silent: Sequence[Form], language: str) -> tuple[str, ...]:
    """Neutral: it stands on the first page."""
    if not silent:
        return ()
    return (
        message(
            "There is no reviewed {language} version of every form: what has none is not asked. A translation"
            " made on the spot is not the form.",
            language=language,
        ),
    )


def _left_out(more: Sequence[More], kept: Sequence[More], language: str) -> tuple[str, ...]:
    return tuple(
        message("Left out, not in {language}: {form}.", language=language, form=one.label)
        for one in more
        if one not in kept
    )


def _flag(body: Mapping[str, Any], key: str) -> bool:
    value = body.get(key, False)
    if not isinstance(value, bool):
        raise ValueError(f"'{key}' must be true or false.")
    return value


def _number(body: Mapping[str, Any], key: str, preset: int) -> int:
    value, most = body.get(key, preset), _MOST[key]
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ValueError(f"'{key}' must be a whole number from 1 to {most}.")
    return value


def _age(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < MAY_BE_ASKED_FROM:
        raise ValueError(f"'age_from' must be a whole number from {MAY_BE_ASKED_FROM} on.")
    return value
