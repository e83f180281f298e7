"""The socket that workers share."""

import socket
from contextlib import closing

import pytest
import typer

from ipvscreen.cli.serve import listening


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_no_answer_waits_for_an_acknowledgement(host: str) -> None:
    with listening(host, 0) as sock, socket.create_connection(sock.getsockname()[:2], timeout=10):
        taken, _ = sock.accept()
        with closing(taken):
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with listening("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(typer.Exit) as ended:
            listening("127.0.0.1", port)

    assert ended.value.exit_code == 1
    assert capsys.readouterr().err.startswith(f"127.0.0.1, port {port}: Address already in use")
