"""The clinicians and the patients of the sandbox: invented people, one for each thing that must go right.

Ids and what the clinic list shows are neutral: a bystander learns age, sex, and whether an interpreter
or maternity care is involved. Why each is here stands in the comment and in the notes (see `notes`).
"""

from dataclasses import dataclass

SNOMED = "http://snomed.info/sct"


@dataclass(frozen=True, slots=True)
class Clinician:
    """Someone who can launch the app."""

    id: str
    given: str
    family: str
    title: str
    mental_health: bool = False

    @property
    def name(self) -> str:
        """As the clinic list shows it."""
        return f"Dr {self.given} {self.family}, {self.title}"


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient; `age` in completed years, counted back from the sandbox's clock."""

    id: str
    given: str | None
    family: str | None
    gender: str
    age: int | None
    remark: str | None = None
    language: str | None = None
    maternity: bool = False
    phone: str | None = None

    @property
    def name(self) -> str:
        """As the clinic list shows it."""
        return f"{self.given} {self.family}" if self.family else "No name recorded"

    @property
    def summary(self) -> str:
        """Age, sex and a neutral remark; nothing else may stand on this list."""
        who = _sex(self.gender, self.age)
        age = None if self.age is None else str(self.age)
        known = [part for part in (age, who, self.remark) if part]
        return ", ".join(known) or "age and sex not recorded"


GP = Clinician("dr-osei", "Grace", "Osei", "GP")
PSYCHIATRIST = Clinician("dr-lindqvist", "Erik", "Lindqvist", "mental health", mental_health=True)
DUTY = Clinician("dr-marsh", "Ruth", "Marsh", "duty doctor")  # hears of what waits
LEAD = Clinician("dr-adeyemi", "Tunde", "Adeyemi", "practice lead")  # and of what waits for long
CLINICIANS = {clinician.id: clinician for clinician in (GP, PSYCHIATRIST, DUTY, LEAD)}

ORDINARY = Patient("anna-woman", "Anna", "Whitfield", "female", 34)

PATIENTS = {
    patient.id: patient
    for patient in (
        ORDINARY,
        Patient("maya-maternity", "Maya", "Iqbal", "female", 29, remark="maternity", maternity=True),
        Patient("rosa-mother", "Rosa", "Delgado", "female", 31),  # children of 3 and 7
        Patient("peter-man", "Peter", "Hallam", "male", 45),
        Patient("freya-woman", "Freya", "Nystrom", "female", 38),  # her partner is a woman
        Patient("david-man", "David", "Achebe", "male", 41),  # psychiatric team, past abuse in the notes
        # Her partner is owen-man, same practice; he answers the telephone that the record has for her.
        Patient("helen-woman", "Helen", "Brookes", "female", 36, phone="07700 900 456"),
        Patient("nadia-woman", "Nadia", "Rahman", "female", 42),  # stalked by an ex of years ago
        Patient("irene-proxy", "Irene", "Castell", "female", 67),  # her son reads her record online
        Patient("leyla-interpreter", "Leyla", "Demir", "female", 33, remark="interpreter", language="tr"),
        Patient("kim-15", "Kim", "Larsen", "female", 15),
        Patient("lena-16", "Lena", "Okoro", "female", 16),
        Patient("edith-81", "Edith", "Marlow", "female", 81),
        Patient("clara-woman", "Clara", "Novak", "female", 27),  # screened last month
        Patient("owen-man", "Owen", "Brookes", "male", 39),  # uses violence
        Patient("unknown-person", None, None, "unknown", None),  # without usable demographics
    )
}


def service_type(patient: str, clinician: str) -> dict[str, str]:
    """SNOMED CT coding for Encounter.serviceType: the team's, or obstetrics at a GP's maternity visit."""
    if CLINICIANS[clinician].mental_health:
        return {"system": SNOMED, "code": "394587001", "display": "Psychiatry"}
    if PATIENTS[patient].maternity:
        return {"system": SNOMED, "code": "408470005", "display": "Obstetrics"}
    return {"system": SNOMED, "code": "394814009", "display": "General practice"}


def _sex(gender: str, age: int | None) -> str | None:
    words = {"female": ("girl", "woman"), "male": ("boy", "man")}.get(gender)
    return words[age is None or age >= 18] if words else None
