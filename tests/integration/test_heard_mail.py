"""Notices: neutral to the byte, by TLS or not at all, each once, and until a server has taken them."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr, ValidationError

from ipvscreen.delivery.mail import notice, sender_of
from ipvscreen.delivery.mail_server import MailServer
from ipvscreen.delivery.notices import Mailboxes, Notices
from ipvscreen.errors import DeliveryLater
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.hearing import Cause, Due, Fact
from ipvscreen.ipv.members import Member, Organisation, Role
from ipvscreen.resources.neutral import topic_word
from ipvscreen.store.members import new_id, new_invitation
from ipvscreen.store.spent import Once

AT = datetime(2026, 3, 6, 18, 10, tzinfo=UTC)
PRACTICE, SERVICE, SENDER = "duty@practice.test", "team@service.test", "app@practice.test"
CONTENT = ("Content-Type", "Content-Transfer-Encoding")
LINK = re.compile(rb"https://\S+")


class Box:
    """What arrived; `refuse` answers the next ones with a code instead."""

    def __init__(self) -> None:
        self.came: list[Any] = []
        self.refuse = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  its name
        if self.refuse:
            self.refuse -= 1
            return "451 later"
        self.came.append(envelope)
        return "250 taken"


def _allow(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"app", b"a-secret"))


@pytest.fixture
def box() -> Box:
    return Box()


@asynccontextmanager
async def serving(box: Box, host: str = "127.0.0.1", **how: Any) -> AsyncIterator[int]:
    """The port of a real mail server in this loop."""
    listening = await asyncio.get_running_loop().create_server(lambda: SMTP(box, **how), host, 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


@pytest.fixture
async def server(box: Box) -> AsyncIterator[MailServer]:
    async with serving(box) as port:
        yield MailServer(host="127.0.0.1", port=port, security="none", sender=SENDER)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of `localhost`, by nobody whom anybody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2090, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    shut = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path / "server.pem"
    file.write_bytes(shut + made.public_bytes(serialization.Encoding.PEM))
    return file


def _tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_two_notices_to_one_mailbox_differ_in_nothing_that_tells_them_apart_but_the_address() -> None:
    one, two = (
        bytes(notice(SENDER, PRACTICE, f"https://app.test/n/{token * 32}", at))
        for token, at in (("a", AT), ("b", AT + timedelta(days=3)))
    )

    assert len(one) == len(two)
    assert _bare(one) == _bare(two)
    assert [line for line in one.splitlines() if b": " in line[:20]] != [], "a control: there are headers"


def _bare(raw: bytes) -> bytes:
    """Without the address, the Message-ID, which is random, and the Date."""
    without = re.sub(rb"(?m)^(Message-ID|Date): .*$", rb"\1", raw)
    return LINK.sub(b"", without)


def test_a_notice_says_nothing_of_the_topic_and_names_nobody() -> None:
    made = notice(SENDER, PRACTICE, "https://app.test/n/x", AT)

    assert topic_word(made.as_string()) is None
    assert (made["To"], made["From"]) == (PRACTICE, SENDER), "addresses alone"
    assert sorted(made.keys()) == sorted(
        ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", *CONTENT)
    )
    assert made.get_content_type() == "text/plain"


async def test_a_real_server_takes_it(server: MailServer, box: Box) -> None:
    await sender_of(server)(PRACTICE, "https://app.test/n/x", AT)

    (came,) = box.came
    assert (came.mail_from, came.rcpt_tos) == (SENDER, [PRACTICE])
    assert b"https://app.test/n/x" in came.content
    assert message_from_bytes(came.content)["Subject"] == "Something is waiting"


async def test_what_the_server_refuses_or_nobody_answers_comes_again(server: MailServer, box: Box) -> None:
    box.refuse = 1
    with pytest.raises(DeliveryLater):
        await sender_of(server)(PRACTICE, "https://app.test/n/x", AT)
    with pytest.raises(DeliveryLater):
        await sender_of(server.model_copy(update={"port": 9}))(PRACTICE, "https://app.test/n/x", AT)
    assert box.came == []


async def test_without_starttls_on_the_other_side_nothing_is_sent(server: MailServer, box: Box) -> None:
    with pytest.raises(DeliveryLater):
        await sender_of(server.model_copy(update={"security": "starttls"}))(PRACTICE, "https://a.test/n", AT)
    with pytest.raises(DeliveryLater):
        await sender_of(server.model_copy(update={"security": "tls"}))(PRACTICE, "https://a.test/n", AT)
    assert box.came == []


@pytest.mark.parametrize("trusted", [True, False])
async def test_over_tls_with_a_password_and_only_to_whom_the_certificate_names(
    box: Box, certificate: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    how = {"tls_context": _tls(certificate), "require_starttls": True, "authenticator": _allow}
    async with serving(box, "localhost", auth_required=True, **how) as port:
        login = {"username": "app", "password": SecretStr("a-secret")}
        server = MailServer(host="localhost", port=port, sender=SENDER, **login)
        if trusted:
            await sender_of(server)(PRACTICE, "https://app.test/n/x", AT)
        else:
            with pytest.raises(DeliveryLater):
                await sender_of(server)(PRACTICE, "https://app.test/n/x", AT)
    assert len(box.came) == trusted


@pytest.mark.parametrize(
    "changes",
    [
        {"security": "none", "host": "mail.example"},
        {"username": "app"},
        {"sender": "App <app@practice.test>"},
        {"services": {"a": "x@y.test\nBcc: z@y.test"}},
        {"tls": True},
    ],
)
def test_a_server_that_would_not_be_safe_is_refused(changes: dict[str, Any]) -> None:
    whole = {"host": "127.0.0.1", "sender": SENDER}
    assert MailServer(**whole).security == "starttls"  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        MailServer(**(whole | changes))  # type: ignore[arg-type]


def test_a_password_is_in_no_print(server: MailServer) -> None:
    login = {"username": "app", "password": "a-secret"}
    assert "a-secret" not in repr(MailServer(host="127.0.0.1", sender=SENDER, **login))  # type: ignore[arg-type]


@asynccontextmanager
async def waiting(house: Any, visitor: Any, *causes: Cause) -> AsyncIterator[Any]:
    """The house's alerts, with one of each cause for a visit that is there."""
    await visitor.launch()
    now = house.clock()
    at = {Cause.ARRIVED: "mentor-mothers"}
    facts = [Fact(cause, cause, visitor.visit, now, service=at.get(cause, "")) for cause in causes]
    alerts = house.app.state.rooms.store.alerts
    await alerts.settle("sandbox", [Due(fact, now, now, now) for fact in facts], now)
    yield alerts


def notices(house: Any, send: Any, **changes: Any) -> Notices:
    places = {
        "practices": {"sandbox": PRACTICE},
        "services": {"mentor-mothers": SERVICE},
        "app": "https://app.test",
    }
    boxes = Mailboxes(**(places | {"inbox": "https://inbox.test"} | changes))
    return Notices(house.app.state.rooms.store.alerts, send, boxes, house.clock, spread=lambda: 0.0)


async def test_each_is_told_once_to_whom_it_waits_for(
    house: Any, visitor: Any, server: MailServer, box: Box
) -> None:
    async with waiting(house, visitor, Cause.UNRECEIVED, Cause.ARRIVED) as alerts:
        both = [notices(house, sender_of(server)) for _ in range(2)]
        assert sum(await asyncio.gather(*(one.run_once() for one in both))) == 2
        assert await both[0].run_once() == 0

    by = {came.rcpt_tos[0]: LINK.search(came.content)[0].decode() for came in box.came}
    assert sorted(by) == [PRACTICE, SERVICE]
    assert re.fullmatch(r"https://app\.test/n/[\w-]{43}", by[PRACTICE])
    assert re.fullmatch(r"https://inbox\.test/i/n/[\w-]{43}", by[SERVICE])
    for alert in await alerts.of_visit(visitor.visit):
        assert alert.sent_at == house.clock()
        assert alert.id not in str(by)
        assert visitor.visit not in str(by)


def kinds(came: list[Any]) -> set[tuple[str, int, bytes]]:
    """What tells these messages apart besides address, Message-ID and Date; how long one is, too."""
    bare = [(_bare(one.content), len(one.content)) for one in came]
    told = [f"{one.mail_from} {one.rcpt_tos} {one.mail_options} {one.rcpt_options}" for one in came]
    return {(envelope, size, content) for envelope, (content, size) in zip(told, bare, strict=True)}


async def test_of_any_two_the_address_alone_differs(
    house: Any, visitors: Any, server: MailServer, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every cause, urgent or not, two patients, two services: to one mailbox one message, and one size."""
    now, store, waits = house.clock(), house.app.state.rooms.store, list[Due]()
    inbox = Organisation(new_id(), "Harbour", "020 7946 0123")
    first = Member(new_id(), Role.COORDINATOR, "Cora", inbox.id)
    once = Once(new_id(), now, now + timedelta(days=1))
    invitation = new_invitation(first.id, now + timedelta(days=1))
    adding = store.doing(Act.ORGANISATION_ADDED, now).organisations
    await adding.add(first, inbox, first, invitation, once)
    for patient, clinician in (("anna-woman", "dr-osei"), ("helen-woman", "dr-lindqvist")):
        visit = (await visitors().launch(patient, clinician)).visit
        for cause, urgent in product(Cause, (True, False)):
            for service in ("mentor-mothers", "specialist") if cause is Cause.ARRIVED else ("",):
                about, home = f"{visit} {urgent} {service}", inbox.id if service else ""
                fact = Fact(cause, about[:64], visit, now, urgent, service, home)
                waits.append(Due(fact, now, now, now))
    await store.alerts.settle("sandbox", waits, now)
    both = {"services": dict.fromkeys(("mentor-mothers", "specialist"), SERVICE)}
    while await notices(house, sender_of(server), **both).run_once():
        pass

    assert len(waits) == len(box.came) == 2 * 2 * (len(Cause) - 1 + 2)
    for mailbox, number in ((PRACTICE, 2 * 2 * (len(Cause) - 1)), (SERVICE, 8)):
        theirs = [one for one in box.came if one.rcpt_tos == [mailbox]]
        assert len(theirs) == number
        assert len(kinds(theirs)) == 1, mailbox
        assert len({LINK.search(one.content)[0] for one in theirs}) == number
    one, another = theirs[:2]
    for old, new in ((b"Something is", b"Something urgent is"), (b"Subject", b"X-Cause: lapsed\r\nSubject")):
        monkeypatch.setattr(one, "content", another.content.replace(old, new))
        assert len(kinds([one, another])) == 2, "the control"


async def test_it_is_tried_until_taken_and_those_who_run_the_app_hear_of_it(
    house: Any, visitor: Any, server: MailServer, box: Box
) -> None:
    box.refuse = 3
    async with waiting(house, visitor, Cause.UNRECEIVED):
        post = notices(house, sender_of(server))
        tries = 0
        while not box.came:
            tries += await post.run_once() == 0
            house.clock.forward(seconds=30)
            assert house.clock() < datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
        assert box.refuse == 0
        assert tries >= 3
        assert await post.stuck() == 0
        assert len(box.came) == 1


async def test_a_notice_that_stays_is_counted_and_one_of_what_has_ended_is_not_sent(
    house: Any, visitor: Any, server: MailServer, box: Box
) -> None:
    box.refuse = 100
    async with waiting(house, visitor, Cause.UNRECEIVED) as alerts:
        post = notices(house, sender_of(server))
        await post.run_once()
        house.clock.forward(minutes=6)
        assert await post.stuck() == 1
        await alerts.settle("sandbox", [], house.clock())
        box.refuse = 0
        house.clock.forward(minutes=20)
        assert await post.run_once() == 0
        assert await post.stuck() == 0
        assert box.came == []


async def test_a_sender_that_died_leaves_its_notice_to_the_next(
    house: Any, visitor: Any, server: MailServer, box: Box
) -> None:
    async with waiting(house, visitor, Cause.UNRECEIVED) as alerts:
        (held,) = await alerts.claim(house.clock(), 10, 30)
        post = notices(house, sender_of(server))
        assert await post.run_once() == 0
        house.clock.forward(seconds=31)
        assert await post.run_once() == 1
        assert not await alerts.sent(held, house.clock()), "it came too late"
        assert not await alerts.put_off(held, house.clock())


async def test_a_practice_without_a_mailbox_is_put_off_and_not_forgotten(house: Any, visitor: Any) -> None:
    async def never(*given: Any) -> None:
        raise AssertionError(given)

    async with waiting(house, visitor, Cause.UNRECEIVED):
        post = notices(house, never, practices={})
        assert await post.run_once() == 0
        house.clock.forward(minutes=6)
        assert await post.stuck() == 1
