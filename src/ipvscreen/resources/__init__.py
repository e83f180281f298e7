"""The FHIR resources that are written: terminology, labels, write plan, screening, referral; pure."""
