"""What can go wrong, in one tree; nothing here knows of the web.

::

    IpvscreenError
    ├── FormRefused            a Questionnaire that cannot be rendered faithfully (path, sentence)
    ├── AnswerNotOffered       an answer that the form does not offer (link_id)
    ├── ExpressionFailed       an expression of a form that could not be worked out (sentence)
    ├── OutOfOrder             a step that the state of the visit or referral does not allow
    ├── StepRefused            a step of a case that its role, or what is safe, does not allow (words)
    ├── LaunchRefused          a launch or authorization that cannot be trusted or used (words)
    ├── VisitOver              the visit's time, token or cookie is gone
    ├── PatientChanged         the record's patient is not the one that the page was opened for (words)
    ├── EhrError               the record system did not do what was asked
    │   ├── EhrUnreachable     no answer: timeout, refused connection, hang-up (may_have_happened)
    │   └── EhrRefused         an answer that says no (status, words)
    ├── NotStored              the disk did not take it: full, broken, read-only
    │   └── NotNoted           what became of something that was sent could not be kept
    ├── TakenOver              (store) another goes on with what was ours to write
    ├── SealBroken             (store) a sealed value was altered, or names a key that is not on the ring
    ├── SchemaOutdated         (store) the tables are not this version's
    ├── FieldsRefused, TokenRefused, PageRefused   (web) a form or page that was not made for this visit
    ├── LetterNotMade          a letter could not be printed (words)
    └── DeliveryError          a service's endpoint did not take a message
        ├── DeliveryLater      try again (after: seconds | None)
        └── DeliveryRefused    it never will as it stands (status, words)

Messages are plain words for a clinician; they hold no name, no answer and no token.
"""


class IpvscreenError(Exception):
    """Root of the tree."""


class FormRefused(IpvscreenError):
    """A Questionnaire uses something that cannot be rendered faithfully."""

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(f"{path}: {sentence}")
        self.path = path
        self.sentence = sentence


class AnswerNotOffered(IpvscreenError):
    """An answer that the form does not offer for this item."""

    def __init__(self, link_id: str) -> None:
        super().__init__(f"The form offers no such answer for item {link_id}.")
        self.link_id = link_id


class ExpressionFailed(IpvscreenError):
    """An expression of a form could not be worked out; the sentence holds nothing of what it worked on."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class OutOfOrder(IpvscreenError):
    """A step that the state does not allow."""

    def __init__(self, state: str, event: str) -> None:
        super().__init__(f"'{event}' is not possible while '{state}'.")
        self.state = state
        self.event = event


class StepRefused(IpvscreenError):
    """A step of a case that its state has, and that this role, or what is safe, does not allow."""


class LaunchRefused(IpvscreenError):
    """A launch or an authorization that cannot be trusted or used."""


class VisitOver(IpvscreenError):
    """The visit's time, its token or its cookie is gone."""


class NotStored(IpvscreenError):
    """The disk did not take it; nothing was done that was to follow."""


class NotNoted(NotStored):
    """It was sent, and what became of it could not be kept."""


class PatientChanged(IpvscreenError):
    """The patient in the record is no longer the one that the page was opened for; nothing was written."""


class EhrError(IpvscreenError):
    """The record system did not do what was asked."""


class EhrUnreachable(EhrError):
    """No answer came; `may_have_happened` when the request could have been carried out nevertheless."""

    def __init__(self, words: str, *, may_have_happened: bool) -> None:
        super().__init__(words)
        self.may_have_happened = may_have_happened


class EhrRefused(EhrError):
    """The record system answered no, with an HTTP `status` and its own `words` (OperationOutcome)."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class LetterNotMade(IpvscreenError):
    """A letter could not be printed."""


class DeliveryError(IpvscreenError):
    """A service's endpoint did not take a message."""


class DeliveryLater(DeliveryError):
    """It may be taken later; `after` is the number of seconds the service asked for, if it did."""

    def __init__(self, words: str, *, after: float | None = None) -> None:
        super().__init__(words)
        self.after = after


class DeliveryRefused(DeliveryError):
    """It will never be taken as it stands."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
