"""What an operator sees: one log line a request, and counts; of a patient, a clinician or a visit nothing.

Labels and log values come from closed sets: route templates, methods, status, the deployer's names of record
systems. Nothing that a browser sent is among them.
"""

import os
import secrets
from time import perf_counter

import structlog
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own name for where workers add up
MEDIA_TYPE = CONTENT_TYPE_LATEST
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})  # every few seconds: told only when they fail
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_requests = Counter(
    "app_requests", "Requests, by route, method and class of status.", ("route", "method", "status")
)
_seconds = Histogram(
    "app_request_seconds", "Seconds until the answer, by route.", ("route",), buckets=_SECONDS
)
_ehr_requests = Counter("app_ehr_requests", "Requests to record systems, by outcome.", ("ehr", "outcome"))
_ehr_seconds = Histogram(
    "app_ehr_seconds", "Seconds until a record system answered or failed.", ("ehr",), buckets=_SECONDS
)


def ehr_told(ehr: str, outcome: str, seconds: float) -> None:
    """Count one request to the record system of that configured name; see `ehr.guard.Outcome`."""
    _ehr_requests.labels(ehr, outcome).inc()
    _ehr_seconds.labels(ehr).observe(seconds)


def exposition() -> bytes:
    """All counts in the text format of Prometheus; of all workers where there are several."""
    if MULTIPROCESS not in os.environ:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # it has no annotations
    return generate_latest(together)


class Observe:
    """Pure ASGI middleware: times each request, counts it, and logs a line when it ends.

    The request gets a reference, `request.state.reference`: a page about a failure shows the same one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; what is raised counts as 500 and goes on its way."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope.setdefault("state", {})["reference"] = secrets.token_hex(4)
        began, status = perf_counter(), 500

        async def out(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, out)
        finally:
            _note(scope, status, perf_counter() - began)


def _note(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    _requests.labels(route, method, f"{status // 100}xx").inc()
    _seconds.labels(route).observe(seconds)
    if route in _PROBES and status < 400:
        return
    structlog.get_logger().info(
        "request",
        route=route,
        method=method,
        status=status,
        ms=round(seconds * 1000, 1),
        reference=scope["state"]["reference"],
    )
