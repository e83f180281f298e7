"""What a service may do to reach a person, in sentences; all that was not said to be safe is a no."""

from collections.abc import Iterator, Mapping

from ipvscreen.ipv.referral import ContactWay, SafeContact
from ipvscreen.messages import day_said, joined, message

_COMMA = message(", ")
_WAYS: Mapping[ContactWay, str] = {
    ContactWay.PHONE: message("Ring the number given, and use no other way."),
    ContactWay.TEXT: message("Send a text to the number given, and use no other way."),
    ContactWay.EMAIL: message("Write to the e-mail address given, and use no other way."),
}
_LETTER = message("Write only to this postal address: {address}.")
_NOT_TO_KNOW = message("Must not know of this: {who}.")
_CODE_WORD = message("Say this code word first: {word}.")
_REVIEW = message("All this is believed until {day}. After that day, ask again before you use this.")
NO_CONTACT = message("Make no contact: the person will ring you.")


def rules(contact: SafeContact) -> Iterator[str]:
    """All of it, the way first; an address stands in it only where one is written to."""
    if contact.way is ContactWay.LETTER:
        yield _LETTER.given(address=contact.number)
    elif contact.way in _WAYS:
        yield _WAYS[contact.way]
    yield from limits(contact)


def limits(contact: SafeContact) -> Iterator[str]:
    """The same without the way; where the person rings, nothing that would help to reach her."""
    if contact.not_to_know:
        yield _NOT_TO_KNOW.given(who=contact.not_to_know)
    if contact.way is ContactWay.SHE_CALLS:
        yield NO_CONTACT
        return
    if contact.code_word:
        yield _CODE_WORD.given(word=contact.code_word)
    yield message("Times: {times}.", times=contact.times or message("none given"))
    may = _may(contact)
    for safe, words in ((True, message("Safe: {what}.")), (False, message("Not safe: {what}."))):
        these = [what for what, yes in may.items() if yes is safe]
        yield words.given(what=joined(_COMMA, these) if these else message("nothing else"))
    yield message("If another person answers, do not say why you rang.")
    if contact.review:
        yield _REVIEW.given(day=day_said(contact.review))


def _may(contact: SafeContact) -> dict[str, bool]:
    return {
        message("voicemail"): contact.voicemail,
        message("text message"): contact.text or contact.way is ContactWay.TEXT,
        message("letter"): contact.letter or contact.way is ContactWay.LETTER,
        message("email"): contact.email or contact.way is ContactWay.EMAIL,
        message("messages in a portal or an app"): contact.portal,
        message("saying who you are"): contact.says_who,
    }
