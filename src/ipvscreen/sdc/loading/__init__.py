"""A FHIR R4 Questionnaire → the parts of a form, each refused where it could not be rendered faithfully."""
