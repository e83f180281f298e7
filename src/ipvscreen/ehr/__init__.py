"""The record system's FHIR API: a client, and a writer that believes only what it reads back."""
