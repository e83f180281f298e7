"""What is wrong with a QuestionnaireResponse: issues, and the OperationOutcome that tells them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# The codes of the HL7 community's test cases (fhir-test-cases, validator/questionnaire).
SYSTEM = "http://fhir.forms-lab.com/CodeSystem/errors"

# Rule → severity, issue type (http://hl7.org/fhir/issue-type), as those cases have them.
OFFICIAL: Mapping[str, tuple[str, str]] = {
    "questionnaireNotFound": ("error", "not-found"),
    "questionnaireDraft": ("warning", "business-rule"),
    "questionnaireRetired": ("warning", "business-rule"),
    "questionnaireInactive": ("warning", "business-rule"),
    "invalidLinkId": ("fatal", "structure"),
    "invalidType": ("fatal", "structure"),
    "displayAnswer": ("fatal", "structure"),
    "groupShouldNotHaveAnswers": ("fatal", "structure"),
    "invalidAnswerType": ("fatal", "structure"),
    "required": ("error", "required"),
    "repeats": ("error", "business-rule"),
    "minCount": ("error", "business-rule"),
    "maxCount": ("error", "business-rule"),
    "exclusiveAnswerOption": ("error", "business-rule"),
    "invalidAnswerOption": ("error", "business-rule"),
    "invalidCoding": ("error", "code-invalid"),
    "tsError": ("error", "exception"),
    "minValue": ("error", "business-rule"),
    "maxValue": ("error", "business-rule"),
    "minValueIncompatUnits": ("error", "value"),
    "maxValueIncompatUnits": ("error", "value"),
    "maxDecimalPlaces": ("error", "business-rule"),
    "minLength": ("error", "business-rule"),
    "maxLength": ("error", "business-rule"),
    "invalidNewLine": ("fatal", "business-rule"),
    "regex": ("error", "invalid"),
    "invalidUrlValue": ("error", "value"),
    "invalidRefValue": ("error", "invalid"),
    "invalidRefResourceType": ("error", "invalid"),
    "invalidRefResourceTypeRestriction": ("error", "value"),
    "invalidAttachmentType": ("error", "business-rule"),
    "maxAttachmentSize": ("error", "business-rule"),
    "attachmentSizeInconsistent": ("fatal", "invalid"),
    "invalidUnit": ("error", "value"),
    "invalidUnitValueSet": ("error", "code-invalid"),
    "invariant": ("error", "invariant"),
    "invariantExecution": ("warning", "invariant"),
}

# What those cases have no code for.
OURS: Mapping[str, tuple[str, str]] = {
    "malformed": ("fatal", "structure"),
    "questionnaireNotUsable": ("fatal", "not-supported"),
    "status": ("error", "required"),
    "itemOrder": ("error", "structure"),
    "itemTwice": ("error", "structure"),
    "itemOutsideAnswer": ("error", "structure"),
    "emptyAnswer": ("error", "structure"),
    "invalidValue": ("error", "value"),
    "notEnabled": ("error", "business-rule"),
}

RULES = {**OFFICIAL, **OURS}


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong: `severity` and `code` as OperationOutcome has them, `rule` a key of RULES.

    `expression` is the FHIRPath of the place; `sentence` says it in plain words and never quotes an answer.
    """

    severity: str
    code: str
    rule: str
    expression: str
    sentence: str
    link_id: str | None = None

    @property
    def serious(self) -> bool:
        """Whether the response is invalid for it: fatal or error."""
        return self.severity in ("fatal", "error")


def issue(
    rule: str, expression: str, sentence: str, link_id: str | None = None, *, severity: str | None = None
) -> Issue:
    """An issue with the severity and the type that the rule has, or with a severity of its own."""
    usual, code = RULES[rule]
    return Issue(severity or usual, code, rule, expression, sentence, link_id)


def operation_outcome(issues: Iterable[Issue]) -> dict[str, Any]:
    """An OperationOutcome (FHIR R4); of no issues one that says so, since FHIR wants at least one."""
    told = [_told(each) for each in issues]
    return {"resourceType": "OperationOutcome", "issue": told or [_NOTHING]}


_NOTHING = {
    "severity": "information",
    "code": "informational",
    "details": {"text": "The answers fit the Questionnaire."},
}


def _told(found: Issue) -> dict[str, Any]:
    details: dict[str, Any] = {"text": found.sentence}
    if found.rule in OFFICIAL:
        details["coding"] = [{"system": SYSTEM, "code": found.rule}]
    about = {} if found.link_id is None else {"location": [f"linkId='{found.link_id}'"]}
    return {
        "severity": found.severity,
        "code": found.code,
        "details": details,
        **about,
        "expression": [found.expression],
    }
