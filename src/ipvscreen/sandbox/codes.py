"""Required codes where the models abbreviate a value set ("+") or give none.

Source: https://hl7.org/fhir/R4/valuesets.html
"""

# (element type, element) → the codes of its required binding
WHOLE: dict[tuple[str, str], frozenset[str]] = {
    ("Observation", "status"): frozenset(
        [
            "registered",
            "preliminary",
            "final",
            "amended",
            "corrected",
            "cancelled",
            "entered-in-error",
            "unknown",
        ]
    ),
    ("Task", "status"): frozenset(
        [
            "draft",
            "requested",
            "received",
            "accepted",
            "rejected",
            "ready",
            "cancelled",
            "in-progress",
            "on-hold",
            "failed",
            "completed",
            "entered-in-error",
        ]
    ),
    ("Encounter", "status"): frozenset(
        [
            "planned",
            "arrived",
            "triaged",
            "in-progress",
            "onleave",
            "finished",
            "cancelled",
            "entered-in-error",
            "unknown",
        ]
    ),
    ("Quantity", "comparator"): frozenset({"<", "<=", ">=", ">"}),
}
