"""Who entered what through which program; one Provenance for everything that was written together."""

from collections.abc import Sequence

from ipvscreen.ipv.packs import Reason
from ipvscreen.resources.context import Context
from ipvscreen.resources.draft import Labelled, business_key, entry
from ipvscreen.resources.labels import About
from ipvscreen.resources.terminology import APP_NAME, PROVENANCE_AGENT, REASON_WORDS, REASONS, concept


def provenance(
    ctx: Context, targets: Sequence[Labelled], about: About, reason: Reason | None = None
) -> Labelled:
    """Of `targets`: the clinician as author (or that nobody told us who), this app as assembler.

    `about` is fixed for each way of recording, so that its label does not tell what was answered. `reason`:
    why it was asked today, where that was said.
    """
    words = REASON_WORDS[reason] if reason else None
    body = {
        "target": [target.reference for target in targets],
        "recorded": ctx.instant,
        **({"reason": [concept(REASONS, reason, words, text=words)]} if reason else {}),
        "agent": [
            {"type": concept(PROVENANCE_AGENT, "author", "Author"), "who": ctx.clinician},
            {"type": concept(PROVENANCE_AGENT, "assembler", "Assembler"), "who": {"display": APP_NAME}},
        ],
    }
    names = "+".join(target.key for target in targets)
    return entry(
        business_key(ctx.visit_id, f"provenance/{names}"), "Provenance", body, about, ctx.policy.labels
    )
