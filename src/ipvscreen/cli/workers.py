"""Worker processes behind one socket: started, replaced while they serve, mended, and stopped gracefully."""

import multiprocessing
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import FrameType

import structlog

from ipvscreen.cli.worker import GRACE_SECONDS, Work, work

STARTUP_FAILED = 3
_START_SECONDS = 60.0
_END_SECONDS = GRACE_SECONDS + 5.0
_LOOK_SECONDS = 0.1
_MEND_SECONDS = 1.0  # between two attempts to replace workers that die
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(slots=True)
class Hand:
    """One worker process; closing `line` tells it to finish what it has begun and go."""

    process: SpawnProcess
    line: Connection
    begun: float = field(default_factory=time.monotonic)

    def ready(self) -> bool:
        """Whether it serves, or has served and gone."""
        return self.line.poll()

    def retire(self) -> None:
        """Take no new connection, finish, go."""
        self.line.close()
        self.begun = time.monotonic()

    def gone(self, within: float) -> bool:
        """Whether it has ended; it is killed when it takes longer than `within` seconds."""
        if self.process.is_alive() and time.monotonic() - self.begun > within:
            self.process.kill()
        return not self.process.is_alive()


class Supervisor:
    """Keeps `count` workers behind `sock`; `may_reload` says whether the settings can be used."""

    def __init__(self, sock: socket.socket, count: int, told: Work, may_reload: Callable[[], bool]) -> None:
        self._sock, self._count, self._told, self._may_reload = sock, count, told, may_reload
        self._hands: list[Hand] = []
        self._leaving: list[Hand] = []
        self._signals: list[int] = []
        self._log = structlog.get_logger()

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; the exit code."""
        with self._listening():
            self._hands = self._begin()
            if not self._up(self._hands) and not self._stops():
                self._end()
                return STARTUP_FAILED
            self._log.info("workers.started", workers=len(self._hands))
            while not self._stops():
                time.sleep(_LOOK_SECONDS)
                if signal.SIGHUP in self._signals:
                    self._signals.remove(signal.SIGHUP)
                    self._replace()
                self._mend()
                self._sweep()
            return self._end()

    def _replace(self) -> None:
        """New workers first; only when all of them serve do the old ones go."""
        if not self._may_reload():
            self._log.warning("workers.kept", kind="settings")
            return
        fresh = self._begin()
        if not self._up(fresh):
            self._log.warning("workers.kept", kind="start")
            self._leave(fresh)
            return
        old, self._hands = self._hands, fresh
        self._leave(old)
        self._log.info("workers.replaced", workers=len(fresh))

    def _mend(self) -> None:
        """Replace what died by itself, without a hurry: it may die again."""
        for place, hand in enumerate(self._hands):
            if not hand.process.is_alive() and time.monotonic() - hand.begun > _MEND_SECONDS:
                self._log.error("worker.died", status=hand.process.exitcode)
                hand.line.close()
                self._hands[place] = self._hire()

    def _sweep(self) -> None:
        staying = [hand for hand in self._leaving if not hand.gone(_END_SECONDS)]
        if self._leaving and not staying:
            self._log.info("workers.retired")
        self._leaving = staying

    def _end(self) -> int:
        """Everything stops: by SIGTERM with time to say so, else at once; 1 where one was killed."""
        self._sock.close()  # once the workers close theirs too, who comes is refused and not kept waiting
        told = [hand for hand in self._hands if hand.process.is_alive()]
        for hand in told:
            if signal.SIGTERM in self._signals:
                hand.process.terminate()
            else:
                hand.line.close()
            hand.begun = time.monotonic()
        self._signals.clear()
        going = told + self._leaving
        while [
            hand for hand in going if not hand.gone(0 if self._stops() else _END_SECONDS + self._told.drain)
        ]:
            time.sleep(_LOOK_SECONDS)
        codes = {hand.process.exitcode for hand in told}
        self._log.info("workers.stopped")
        return 0 if codes <= {0, -signal.SIGTERM} else 1  # by the signal: one that had not begun to serve

    def _stops(self) -> bool:
        return signal.SIGTERM in self._signals or signal.SIGINT in self._signals

    def _begin(self) -> list[Hand]:
        return [self._hire() for _ in range(self._count)]

    def _up(self, hands: list[Hand]) -> bool:
        """Wait until all of them serve; False where one ends before, takes too long, or all is to stop."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and not self._stops():
            if any(not hand.process.is_alive() for hand in hands):
                return False
            if all(hand.ready() for hand in hands):
                return True
            time.sleep(_LOOK_SECONDS)
        return False

    def _hire(self) -> Hand:
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=work, args=(self._sock, theirs, self._told)
        )
        process.start()
        theirs.close()
        return Hand(process, ours)

    def _leave(self, hands: list[Hand]) -> None:
        for hand in hands:
            hand.retire()
        self._leaving += hands

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Signals are noted, and acted upon by the loop."""

        def note(sig: int, _frame: FrameType | None) -> None:
            self._signals.append(sig)

        before = {sig: signal.signal(sig, note) for sig in _SIGNALS}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)
