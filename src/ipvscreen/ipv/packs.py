"""Which forms make a visit, by setting, age and language: packs, read strictly from packs.toml."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from enum import StrEnum

from ipvscreen.ipv.nations import Nation
from ipvscreen.ipv.person import Setting
from ipvscreen.ipv.referral import AGREED_MONTHS, REVIEW_DAYS
from ipvscreen.sdc.form import Form


class When(StrEnum):
    """When a form on the page of questions shows: at once, or after an all-no to the first one."""

    ALWAYS = "always"
    ALL_NO = "when-all-no"


class Reason(StrEnum):
    """Why it is asked today, where asking is "when indicated"; chosen by one tap, or left."""

    SYMPTOMS = "symptoms"
    INJURY = "injury"
    PREGNANCY = "pregnancy"
    MENTAL_HEALTH = "mental-health"
    TOLD_BY_ANOTHER = "told-by-another"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Asked:
    """A form on the page of questions."""

    form: Form
    when: When = When.ALWAYS


@dataclass(frozen=True, slots=True)
class More:
    """A form on a page of its own, and what its button says."""

    form: Form
    label: str


@dataclass(frozen=True, slots=True)
class Pack:
    """The forms of a visit. `ask` begins with the instrument; it is empty where none may be asked.

    `refused` says in words what is left out and why. `age_from`: completed years from which it is asked.
    `zone`: where it is used, so that a time of day that is typed means what the clinician's clock shows.
    `agreed_months`: for how long what a person agrees to is preset to hold; `review_days`: for how long the
    safe way to reach her or him is preset to be believed. `release_required`: where the law
    lets a service tell nothing of a person without a signed, dated release that ends. `nation`: where it is
    used, if that is known. `draft`: nobody who answers for its presets and its law has signed it.
    """

    name: str
    settings: frozenset[Setting]
    locale: str  # BCP 47
    ask: tuple[Asked, ...]
    today: tuple[Form, ...]
    more: tuple[More, ...] = ()
    reason: bool = False
    age_from: int = 16
    refused: tuple[str, ...] = ()
    zone: tzinfo = UTC
    agreed_months: int = AGREED_MONTHS
    review_days: int = REVIEW_DAYS
    release_required: bool = False
    nation: Nation | None = None
    draft: bool = True

    @property
    def language(self) -> str:
        """The primary language of its locale."""
        return primary(self.locale)

    def asked(self) -> tuple[Form, ...]:
        """The forms of the page of questions, the instrument first."""
        return tuple(one.form for one in self.ask)

    def shown(self) -> tuple[Form, ...]:
        """The forms whose items stand on the two pages of questions."""
        return (*self.asked(), *self.today)

    def further(self, name: str | None) -> Form | None:
        """The form of that name that has a page of its own."""
        return next((one.form for one in self.more if one.form.name == name), None)


@dataclass(frozen=True, slots=True)
class Packs:
    """Every pack by its name, in the order of the file, and every nation by its name."""

    by_name: Mapping[str, Pack]
    nations: Mapping[str, Nation] = field(default_factory=dict)

    def of(self, name: str | None, setting: Setting, locale: str) -> Pack:
        """The pack of that name where it is for that setting, else the first of its locale that is.

        Without a name the first of `locale`. KeyError for a name that is none, ValueError where there is no
        pack to be had: said at start, by `check_packs`, and not in a visit.
        """
        named = self.by_name[name] if name else None
        if named and setting in named.settings:
            return named
        spoken = named.locale if named else locale
        for pack in self.by_name.values():
            if pack.locale == spoken and setting in pack.settings:
                return pack
        raise ValueError(f"no pack is for {setting} in {spoken}")


def check_packs(packs: Packs, name: str | None, locale: str, nation: str | None = None) -> None:
    """ValueError, in words, unless a visit in every setting has a pack: a clinician may choose any."""
    if nation and nation not in packs.nations:
        raise ValueError(f"'{nation}' names no nation; there are {', '.join(packs.nations)}")
    if name and name not in packs.by_name:
        raise ValueError(f"'{name}' names no pack; there are {', '.join(packs.by_name)}")
    for setting in Setting:
        packs.of(name, setting, locale)


def primary(language: str) -> str:
    """`nl` of `nl-NL`."""
    return language.partition("-")[0].lower()
