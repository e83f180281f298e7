"""What the forms are and what their items mean: tables."""

from dataclasses import dataclass

from ipvscreen.sdc.answers import Answers

HARK, AAS_1, AAS, QUICK = "hark", "aas-1", "aas", "quick"
PAST, CHILDREN, IMPACT, USE, DASH_RESULT = "past", "children", "impact", "use", "dash-result"

# Questionnaire.name in lower case, `_` written as `-`: what this app knows by name and visits need.
FORMS: tuple[str, ...] = (HARK, AAS_1, AAS, QUICK, PAST, CHILDREN, IMPACT, USE, DASH_RESULT)


@dataclass(frozen=True, slots=True)
class Instrument:
    """The items that decide an outcome, the codes of yes and no, and whether they add up to a number."""

    name: str
    items: tuple[str, ...]
    yes: str
    no: str
    scored: bool

    def yes_items(self, answers: Answers) -> tuple[str, ...]:
        """The linkIds answered yes, in order."""
        return tuple(link_id for link_id in self.items if answers.value(link_id) == self.yes)

    def all_no(self, answers: Answers) -> bool:
        """Whether every item was answered no; passed or left is not no."""
        return all(answers.value(link_id) == self.no for link_id in self.items)


# Yes and No of LOINC answer list LL963-0; the AAS has no LOINC codes and, for us, no number.
INSTRUMENTS: dict[str, Instrument] = {
    HARK: Instrument(HARK, ("76500-8", "76501-6", "76502-4", "76503-2"), "LA33-6", "LA32-8", scored=True),
    AAS_1: Instrument(AAS_1, ("aas-1",), "yes", "no", scored=False),
    AAS: Instrument(AAS, ("aas-1", "aas-2", "aas-3", "aas-4", "aas-5"), "yes", "no", scored=False),
}

AAS_EVER = "aas-1"  # "ever ... your partner or someone important to you": past, never current
AAS_AFRAID = "aas-5"  # "Are you afraid of your partner or anyone you listed above?": now
AAS_WHOM: dict[str, str] = {"aas-2": "aas-2-whom", "aas-3": "aas-3-whom", "aas-4": "aas-4-whom"}
OTHER = "other"  # the one answer to "By whom?" that is neither a partner nor an ex-partner

# Longer ago than a year, in our own words: without a score, and never current.
PAST_ITEMS, PAST_YES = ("ever-h", "ever-a", "ever-r", "ever-k"), "yes"
CHILD_SAFE, CHILD_NOT_SAFE = "child-safe", "no"  # asked for each child or dependant

SAFE_TODAY, NECK, SUICIDE = "safe-today", "neck", "suicide"
CHILDREN_OR_PREGNANT, HELP_NOW, CONTACT = "children-or-pregnant", "help-now", "contact"
