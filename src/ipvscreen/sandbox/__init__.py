"""A strict SMART EHR and a charity's FHIR endpoint on loopback, for demonstration and tests."""
