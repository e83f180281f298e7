"""FHIRPath: evaluated by fhirpathpy, with a supplement and limits of our own (ADR 0035)."""
