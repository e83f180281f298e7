"""FHIRPath: fhirpathpy's grammar, types and plain functions, evaluated by rules of our own (ADR 0035)."""
