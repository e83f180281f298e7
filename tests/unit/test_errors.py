"""The tree of errors: what each says and carries."""

from ipvscreen import errors


def test_every_error_is_of_the_tree() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]

    assert len(kinds) == 18
    assert all(issubclass(kind, errors.IpvscreenError) for kind in kinds)


def test_what_the_record_system_did_is_carried() -> None:
    silent = errors.EhrUnreachable("No answer came.", may_have_happened=True)
    refused = errors.EhrRefused(422, "A rule of this practice.")

    assert (str(silent), silent.may_have_happened) == ("No answer came.", True)
    assert (str(refused), refused.status) == ("A rule of this practice.", 422)


def test_what_a_service_did_is_carried() -> None:
    later = errors.DeliveryLater("Busy.", after=7.0)
    never = errors.DeliveryRefused(400, "Not understood.")

    assert (str(later), later.after) == ("Busy.", 7.0)
    assert (str(never), never.status) == ("Not understood.", 400)


def test_an_answer_that_is_not_offered_names_the_item_and_not_the_answer() -> None:
    refused = errors.AnswerNotOffered("76500-8")

    assert refused.link_id == "76500-8"
    assert str(refused) == "The form offers no such answer for item 76500-8."


def test_a_form_that_is_refused_says_where_and_why() -> None:
    refused = errors.FormRefused("item[2]", "attachments are not rendered")

    assert (refused.path, refused.sentence) == ("item[2]", "attachments are not rendered")
    assert str(refused) == "item[2]: attachments are not rendered"


def test_a_step_out_of_order_says_which() -> None:
    refused = errors.OutOfOrder("opened", "refer")

    assert (refused.state, refused.event) == ("opened", "refer")
    assert str(refused) == "'refer' is not possible while 'opened'."
