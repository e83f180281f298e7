"""The rules about who a service is for: role, children, sex, age, setting and time."""

from ipvscreen.ipv.finding import Finding, against, note
from ipvscreen.ipv.gate import ADULT_FROM
from ipvscreen.ipv.person import Setting, Sex
from ipvscreen.ipv.services import FOR_CHILDREN, OWN_CONDUCT, Need, Rule, Service
from ipvscreen.messages import joined, message

_AND, _OR = message(" and "), message(" or ")
_SEXES = {
    Sex.FEMALE: message("women"),
    Sex.MALE: message("men"),
    Sex.OTHER: message("people recorded as other"),
    Sex.UNKNOWN: message("people"),
}
_YOUNG = _SEXES | {Sex.FEMALE: message("girls"), Sex.MALE: message("boys")}
_THIS_PATIENT = {
    Sex.FEMALE: message("this patient is a woman"),
    Sex.MALE: message("this patient is a man"),
}
_THIS_CHILD = {
    Sex.FEMALE: message("this child is a girl"),
    Sex.MALE: message("this child is a boy"),
}
_TEAMS = {
    Setting.GP: message("general practice"),
    Setting.ANTENATAL: message("the antenatal team"),
    Setting.MENTAL_HEALTH: message("the mental-health team"),
}


def role(service: Service, need: Need) -> Finding | None:
    """Roles are never inferred: own conduct fits only who says so, and the others keep apart."""
    if need.child:
        return None if service.kind in FOR_CHILDREN else against(Rule.ROLE, message("Not for children."))
    if service.kind in OWN_CONDUCT:
        sentence = message(
            "For people who say that they use violence; this was not said and is never inferred."
        )
        return None if need.uses_violence else against(Rule.ROLE, sentence)
    hurt = need.current or need.past or not need.uses_violence
    if hurt or service.kind in FOR_CHILDREN:
        return None
    return against(Rule.ROLE, message("For people who are or were hurt; only using violence was mentioned."))


def own_bounds(service: Service, need: Need) -> bool:
    """Whether its ages and sexes are those of the person of this need, and not of a child of theirs."""
    if service.kind not in FOR_CHILDREN or need.child:
        return True
    young = need.age is not None and need.age < ADULT_FROM
    return young and need.children is not True


def children(service: Service, need: Need) -> Finding | None:
    """A children's service needs a child; others that ask for children also take a pregnancy."""
    known = _known_children(service, need)
    if not known or True in known:
        return None
    whom = _for_children(service)
    if None in known:
        return note(Rule.CHILDREN, message("{whom}; this was not asked, so ask.", whom=whom))
    return against(Rule.CHILDREN, message("{whom}; no children were mentioned.", whom=whom))


def _known_children(service: Service, need: Need) -> tuple[bool | None, ...]:
    if service.kind in FOR_CHILDREN:
        return () if own_bounds(service, need) else (need.children,)
    return (need.children, need.pregnant) if service.needs_children_or_pregnancy else ()


def _for_children(service: Service) -> str:
    if service.kind in FOR_CHILDREN:
        return message("For children")
    if service.sexes == {Sex.FEMALE}:
        return message("For women with children or pregnant")
    return message("For people with children or pregnant")


def pregnancy(service: Service, need: Need) -> Finding | None:
    """Only in pregnancy."""
    if not service.needs_pregnancy or need.pregnant:
        return None
    if need.pregnant is None:
        return note(Rule.PREGNANCY, message("Only in pregnancy; this was not asked, so ask."))
    return against(Rule.PREGNANCY, message("Only in pregnancy; no pregnancy was mentioned."))


def child_age(service: Service, need: Need) -> Finding | None:
    """The ages of the children: of who may be helped, or of who makes a mother eligible."""
    first, last = _child_bounds(service)
    anyone = need.pregnant and service.kind not in FOR_CHILDREN
    unbounded = first == 0 and last is None
    if unbounded or anyone or need.children is False or own_bounds_of_child(service, need):
        return None
    whom = _child_range(first, last)
    if need.child_ages is None:
        return note(Rule.CHILD_AGE, message("{whom}; the children's ages are not known, so ask.", whom=whom))
    if any(first <= age and (last is None or age <= last) for age in need.child_ages):
        return None
    return against(Rule.CHILD_AGE, message("{whom}; no child is of that age.", whom=whom))


def own_bounds_of_child(service: Service, need: Need) -> bool:
    """Whether `age` looks at the bounds already."""
    return need.child or (service.kind in FOR_CHILDREN and own_bounds(service, need))


def _child_bounds(service: Service) -> tuple[int, int | None]:
    if service.kind in FOR_CHILDREN:
        return service.age_from, service.age_to
    return service.child_age_from, service.child_age_to


def _child_range(first: int, last: int | None) -> str:
    if last is None:
        return message("For a child aged {first} or more", first=first)
    return message("For a child aged {first} to {last}", first=first, last=last)


def boys(service: Service, need: Need) -> Finding | None:
    """Up to which age a boy may come along."""
    last = service.boys_to
    if last is None or need.children is False:
        return None
    if need.oldest_boy is None:
        return note(Rule.CHILD_AGE, message("Boys up to {last} may come along; ask about sons.", last=last))
    if need.oldest_boy <= last:
        return None
    return against(
        Rule.CHILD_AGE,
        message("Boys up to {last} may come along; a son is {age}.", last=last, age=need.oldest_boy),
    )


def sex(service: Service, need: Need) -> Finding | None:
    """Whom the record system calls by which administrative gender."""
    if not service.sexes or need.sex in service.sexes or not own_bounds(service, need):
        return None
    people = _YOUNG if service.kind in FOR_CHILDREN else _SEXES
    whom = message("For {people}", people=joined(_AND, sorted(people[one] for one in service.sexes)))
    this = _THIS_CHILD if need.child else _THIS_PATIENT
    if need.sex in this:
        return against(Rule.SEX, message("{whom}; {patient}.", whom=whom, patient=this[need.sex]))
    return note(Rule.SEX, message("{whom}; the record says neither, so ask.", whom=whom))


def age(service: Service, need: Need) -> Finding | None:
    """Of the person; a children's service counts the age of the child."""
    whom = _ages(service)
    if whom is None or not own_bounds(service, need):
        return None
    if need.age is None:
        said = message("{whom}; this child's age is not known.", whom=whom) if need.child else None
        return note(Rule.AGE, said or message("{whom}; this patient's age is not known.", whom=whom))
    if covers(service, need.age):
        return None
    said = message("{whom}; this child is {age}.", whom=whom, age=need.age) if need.child else None
    return against(Rule.AGE, said or message("{whom}; this patient is {age}.", whom=whom, age=need.age))


def covers(service: Service, years: int) -> bool:
    """Whether that age is within its bounds."""
    return service.age_from <= years and (service.age_to is None or years <= service.age_to)


def _ages(service: Service) -> str | None:
    if service.age_to is not None:
        return message("For ages {first} to {last}", first=service.age_from, last=service.age_to)
    return message("For ages from {first}", first=service.age_from) if service.age_from else None


def setting(service: Service, need: Need) -> Finding | None:
    """Under which team the person is."""
    if not service.settings or need.setting in service.settings:
        return None
    teams = joined(_OR, sorted(_TEAMS[one] for one in service.settings))
    return against(Rule.SETTING, message("For people under {teams}.", teams=teams))


def time(service: Service, need: Need) -> Finding | None:
    """Whether it is happening or over."""
    if need.current and not service.takes_current:
        return against(Rule.TIME, message("Only for what is over; something current was mentioned."))
    if need.past and not need.current and not need.danger and not service.takes_past:
        return against(Rule.TIME, message("Only for what is happening now; only the past was mentioned."))
    return None
