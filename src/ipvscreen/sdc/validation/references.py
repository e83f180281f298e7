"""What a url, a reference and an attachment must look like, and what an item may ask of them."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ipvscreen.sdc.form import Item

Finding = tuple[str, str]  # a rule, and the sentence

_NO_URL = re.compile(r"[\s\\<>\"{}|^`\x00-\x1f]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_URN = re.compile(
    r"(?i:urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})|urn:oid:[0-2](\.(0|[1-9]\d*))+"
)
_CHECKED_URN = re.compile(r"(?i)urn:(uuid|oid):.*")
# Type/id, as http://hl7.org/fhir/R4/references.html has it, with an optional version.
_RESTFUL = re.compile(r"(?:.*/)?([A-Z][A-Za-z]*)/[A-Za-z0-9.-]{1,64}(?:/_history/[A-Za-z0-9.-]{1,64})?")

# http://hl7.org/fhir/R4/resourcelist.html
# fmt: off
RESOURCE_TYPES = frozenset({
    "Account", "ActivityDefinition", "AdverseEvent", "AllergyIntolerance", "Appointment",
    "AppointmentResponse", "AuditEvent", "Basic", "Binary", "BiologicallyDerivedProduct", "BodyStructure",
    "Bundle", "CapabilityStatement", "CarePlan", "CareTeam", "CatalogEntry", "ChargeItem",
    "ChargeItemDefinition", "Claim", "ClaimResponse", "ClinicalImpression", "CodeSystem", "Communication",
    "CommunicationRequest", "CompartmentDefinition", "Composition", "ConceptMap", "Condition", "Consent",
    "Contract", "Coverage", "CoverageEligibilityRequest", "CoverageEligibilityResponse", "DetectedIssue",
    "Device", "DeviceDefinition", "DeviceMetric", "DeviceRequest", "DeviceUseStatement",
    "DiagnosticReport", "DocumentManifest", "DocumentReference", "EffectEvidenceSynthesis", "Encounter",
    "Endpoint", "EnrollmentRequest", "EnrollmentResponse", "EpisodeOfCare", "EventDefinition", "Evidence",
    "EvidenceVariable", "ExampleScenario", "ExplanationOfBenefit", "FamilyMemberHistory", "Flag", "Goal",
    "GraphDefinition", "Group", "GuidanceResponse", "HealthcareService", "ImagingStudy", "Immunization",
    "ImmunizationEvaluation", "ImmunizationRecommendation", "ImplementationGuide", "InsurancePlan",
    "Invoice", "Library", "Linkage", "List", "Location", "Measure", "MeasureReport", "Media",
    "Medication", "MedicationAdministration", "MedicationDispense", "MedicationKnowledge",
    "MedicationRequest", "MedicationStatement", "MedicinalProduct", "MedicinalProductAuthorization",
    "MedicinalProductContraindication", "MedicinalProductIndication", "MedicinalProductIngredient",
    "MedicinalProductInteraction", "MedicinalProductManufactured", "MedicinalProductPackaged",
    "MedicinalProductPharmaceutical", "MedicinalProductUndesirableEffect", "MessageDefinition",
    "MessageHeader", "MolecularSequence", "NamingSystem", "NutritionOrder", "Observation",
    "ObservationDefinition", "OperationDefinition", "OperationOutcome", "Organization",
    "OrganizationAffiliation", "Parameters", "Patient", "PaymentNotice", "PaymentReconciliation",
    "Person", "PlanDefinition", "Practitioner", "PractitionerRole", "Procedure", "Provenance",
    "Questionnaire", "QuestionnaireResponse", "RelatedPerson", "RequestGroup", "ResearchDefinition",
    "ResearchElementDefinition", "ResearchStudy", "ResearchSubject", "RiskAssessment",
    "RiskEvidenceSynthesis", "Schedule", "SearchParameter", "ServiceRequest", "Slot", "Specimen",
    "SpecimenDefinition", "StructureDefinition", "StructureMap", "Subscription", "Substance",
    "SubstanceNucleicAcid", "SubstancePolymer", "SubstanceProtein", "SubstanceReferenceInformation",
    "SubstanceSourceMaterial", "SubstanceSpecification", "SupplyDelivery", "SupplyRequest", "Task",
    "TerminologyCapabilities", "TestReport", "TestScript", "ValueSet", "VerificationResult",
    "VisionPrescription",
})
# fmt: on


def is_url(text: str) -> bool:
    """Whether a text is a relative or an absolute URL, or a urn that is what it says."""
    if not text or _NO_URL.search(text):
        return False
    if _CHECKED_URN.fullmatch(text):
        return _URN.fullmatch(text) is not None
    scheme = _SCHEME.match(text)
    return scheme is None or len(scheme.group(1)) > 1  # a single letter is a drive, as in c:/temp


def wrong_reference(item: Item, reference: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with a Reference; one to something contained is not followed."""
    target, named = reference.get("reference"), reference.get("type")
    if target is not None and not _is_target(target):
        yield "invalidRefValue", "The answer is not a reference to a resource."
        return
    found = {kind for kind in (_type_of(target), named) if kind}
    if not found <= RESOURCE_TYPES:
        yield "invalidRefResourceType", "The answer refers to a type that FHIR R4 does not have."
    elif item.references and not found <= set(item.references):
        wanted = ", ".join(item.references)
        yield "invalidRefResourceTypeRestriction", f"The answer must refer to one of: {wanted}."


def _is_target(target: str) -> bool:
    if target.startswith("#"):
        return len(target) > 1
    if not is_url(target):
        return False
    if _SCHEME.match(target):
        return target.lower().startswith(("http://", "https://", "urn:uuid:", "urn:oid:"))
    return _RESTFUL.fullmatch(target) is not None


def _type_of(target: str | None) -> str | None:
    restful = _RESTFUL.fullmatch(target or "")
    return restful.group(1) if restful else None


def wrong_attachment(item: Item, attachment: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with an Attachment: its type, its size, and whether the two sizes agree."""
    kind = str(attachment.get("contentType", "")).split(";")[0].strip().lower()
    if item.mime_types and kind not in {each.lower() for each in item.mime_types}:
        yield "invalidAttachmentType", f"The file must be one of: {', '.join(item.mime_types)}."
    size, actual = attachment.get("size"), _length(attachment.get("data"))
    if actual == -1:
        yield "invalidValue", "The data of the file are not in base64."
    elif None not in (size, actual) and size != actual:
        yield "attachmentSizeInconsistent", "The file has not the size that is stated."
    sizes = [each for each in (size, actual) if isinstance(each, int)]
    if item.max_size is not None and sizes and max(sizes) > item.max_size:
        yield "maxAttachmentSize", f"The file must not be larger than {item.max_size} bytes."


def _length(data: object) -> int | None:
    """The bytes of base64 data; None without any, -1 where they are no such thing."""
    if data is None:
        return None
    try:
        return len(base64.b64decode("".join(str(data).split()), validate=True))
    except (binascii.Error, ValueError):
        return -1
