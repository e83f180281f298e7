"""The fifteen texts of the pages, word for word; what stood in square brackets comes in as an argument.

`screen` may stand on a visible screen, `say` is spoken and stays behind "Words", `private` is for the
clinician after the gate. Drafts for a domestic-abuse specialist and the Clinical Safety Officer to sign.
"""

from dataclasses import dataclass, replace

from ipvscreen.ipv.nations import Nation
from ipvscreen.messages import joined, message

TITLE = message("Health questionnaire")
NOT_SET = message("not set by your organisation")

GATE = message(  # 1, screen
    "Private health questions. Only the two of you can see, hear or join; no child who could repeat what is"
    " said; any interpreter is professional. On the phone: free to talk, no speaker. Unsure? Choose Not now."
)
LIMITS = message(  # 2, say
    "What you tell me stays within your care. If a child or someone else could be badly hurt, or rarely if"
    " your life is at risk, I may share what is needed, telling you first when safe."
)
BEFORE_FIRST = message(  # 3, say
    "How people close to us treat us affects our health, so I ask some short questions. Just say yes, no or"
    " pass. You can stop whenever you want, and nothing about your care depends on it."
)
AFTER_POSITIVE = message(  # 4, say
    "Thank you for telling me. I believe you. Nobody deserves this, and it is not your fault. What happens"
    " next is mostly your choice. May I ask a few quick things about today?"
)
AFTER_NEGATIVE = message(  # 5, say
    "Thank you. If something like this happens, or happened long ago, you can bring it to any of us. Is there"
    " anything about home or the people around you that worries you?"
)
NO_YES = message("No yes answers. This rules nothing out; your concern outranks the form.")  # with 5, private
DECLINED = message(  # 6, say
    "That is fine. Your care stays the same, and you need not give a reason. The door stays open with me or a"
    " colleague. What would you like us to do today?"
)
NOT_NOW = message(  # 7, screen; the same for every patient
    "Not today. Nothing was added to the health record. Next step: a routine follow-up, one to one."
)
CHILDREN = message(  # 10, say
    "Are you pregnant, or do children live with you or visit? Are they safe today? What do they see or hear?"
    " If I need advice about them, I will tell you before I share, if that is safe."
)
CHOOSING = message(  # 11, say
    "Different people can help with different things. Choose one, several or none, now or another day. What"
    " would make this week easier? If you like, we can make the first call together from here."
)
SAFE_CONTACT = message(  # 12, say
    "How can they reach you so that nobody else finds out? They will use only that way. If another person"
    " answers, they will not say why they rang, and leave no message. Or you can ring them."
)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The telephone numbers of a jurisdiction and an organisation; England's where they are everybody's."""

    emergency: str = "999"
    silent: str = "999, then 55"
    helpline: str | None = None
    lead: str | None = None
    advocate: str | None = None


def numbers_in(numbers: Numbers, nation: Nation | None) -> Numbers:
    """What an organisation has not set itself, as it is in that nation."""
    if nation is None or numbers.helpline is not None:
        return numbers
    return replace(numbers, helpline=nation.helpline)


def telephones(numbers: Numbers) -> tuple[tuple[str, str], ...]:
    """Whom text 8 names, with the number: where there is no room for what to do first."""
    return (
        (message("Life at risk"), numbers.emergency),
        (message("Unable to speak on a mobile"), numbers.silent),
        (message("Safeguarding lead"), numbers.lead or NOT_SET),
        (message("24-hour line"), numbers.helpline or NOT_SET),
    )


def immediate_danger(numbers: Numbers) -> str:
    """Text 8, private."""
    return message(
        "Leave the form. Stay together. Life at risk: {emergency}; unable to speak on a mobile: {silent}."
        " Otherwise ring the safeguarding lead ({lead}) and the 24-hour line ({helpline}) before the patient"
        " leaves. A sent referral does not protect tonight.",
        emergency=numbers.emergency,
        silent=numbers.silent,
        lead=numbers.lead or NOT_SET,
        helpline=numbers.helpline or NOT_SET,
    )


def strangulation(numbers: Numbers) -> str:
    """Text 9, private; how recent is "recent" is the Clinical Safety Officer's to set."""
    return message(
        "Ask: has anyone squeezed your neck or stopped you breathing? If recent, examine today, marks or not."
        " Voice, swallowing, breathing, sight, severe headache, blackout, weakness, incontinence or"
        " pregnancy: hospital now. Tell the high-risk advocate ({advocate}).",
        advocate=numbers.advocate or NOT_SET,
    )


def consent(service: str, until: str) -> str:
    """Text 13, say."""
    return message(
        "I would send {service} your name, the safe way to reach you and the help you want, not your"
        " answers. May I? May they tell me whether you met? It ends on {until}; you can stop it earlier.",
        service=service,
        until=until,
    )


def received(short_name: str, at: str, reply_by: str, told: str | None, phone: str) -> str:
    """Text 14, screen; the same for every patient and service."""
    return message(
        "Received by {service} at {at}, not yet opened. {awaited}",
        service=short_name,
        at=at,
        awaited=awaited(reply_by, told, phone),
    )


def awaited(reply_by: str, told: str | None, phone: str) -> str:
    """The second half of text 14, also said of a referral that is still on its way.

    The text promises that somebody is told. Nothing here tells anybody yet, so it says who has to be.
    """
    if told:
        return message(
            "Reply expected by {reply_by}. If none comes, tell {told}, who phones: this app tells nobody by"
            " itself yet. Needed sooner: {phone}.",
            reply_by=reply_by,
            told=told,
            phone=phone,
        )
    return message(
        "Reply expected by {reply_by}. If none comes, ring them: this app tells nobody by itself yet."
        " Needed sooner: {phone}.",
        reply_by=reply_by,
        phone=phone,
    )


def nothing_fits(reason: str, person: str, day: str, numbers: Numbers) -> str:
    """Text 15, private."""
    return message(
        "Nothing listed fits: {reason} The gap is counted without a name. The patient still needs someone:"
        " {person} keeps contact, next on {day}. National help: {helpline}, given only in a form safe to"
        " carry.",
        reason=reason if reason.endswith(".") else joined("", (reason, ".")),
        person=person,
        day=day,
        helpline=numbers.helpline or NOT_SET,
    )
