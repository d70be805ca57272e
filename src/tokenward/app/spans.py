"""Exchanges as OpenTelemetry spans, sent to a collector by OTLP over HTTP.

Spans are made when an exchange is over, from what was noted of it, and sent by a thread of the SDK's. A
collector that is slow or away costs nothing but spans: they are dropped when the queue is full.
"""

import threading
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from tokenward.base.entropy import random_bits
from tokenward.base.secret import Secret
from tokenward.gateway.access import Deny
from tokenward.gateway.doors.exchange import Exchange

_CLOSING_SECONDS = 2
_VERSION = version("tokenward")
_SCOPE = InstrumentationScope("tokenward.gateway", _VERSION)
_RESOURCE = Resource({SERVICE_NAME: "tokenward-gateway", SERVICE_VERSION: _VERSION})


class Spans:
    """A way to a collector.

    Args:
        endpoint: its URL for traces, `/v1/traces` included.
        authorization: what is sent as `Authorization`, if anything.
    """

    def __init__(self, endpoint: str, authorization: Secret | None = None) -> None:
        session = requests.Session()
        session.trust_env = False  # no proxy, and no password from ~/.netrc
        session.max_redirects = 0
        headers = {} if authorization is None else {"authorization": authorization.reveal()}
        exporter = OTLPSpanExporter(endpoint, headers=headers, timeout=5, session=session)
        self._processor = BatchSpanProcessor(exporter)

    def export(self, exchanges: Sequence[Exchange]) -> None:
        """Hand over the spans of each exchange whose trace is sampled."""
        for exchange in exchanges:
            for span in spans_of(exchange):
                self._processor.on_end(span)

    def close(self) -> None:
        """Send what is left, for a moment: the SDK would try for half a minute, and hold up the end."""
        closing = threading.Thread(target=self._processor.shutdown, daemon=True)
        closing.start()
        closing.join(_CLOSING_SECONDS)


def spans_of(exchange: Exchange) -> Iterator[ReadableSpan]:
    """That of the whole exchange, as its server, and within it that of the decision; none if not sampled."""
    trace = exchange.decision.trace
    if not trace.parent.endswith("1"):
        return
    _, trace_id, span_id, flags = trace.parent.split("-")
    whole = _context(trace_id, int(span_id, 16), flags)
    caller = _context(trace_id, int(trace.caller, 16), flags, is_remote=True) if trace.caller else None
    start = round(exchange.at * 1e9)
    yield ReadableSpan(
        exchange.decision.operation or "HTTP",
        context=whole,
        parent=caller,
        resource=_RESOURCE,
        attributes=_attributes(exchange),
        kind=SpanKind.SERVER,
        # A refusal of the caller is no error of the server's (semantic conventions for HTTP spans).
        status=Status() if 0 < exchange.status < 500 else Status(StatusCode.ERROR),
        start_time=start,
        end_time=start + round(exchange.seconds * 1e9),
        instrumentation_scope=_SCOPE,
    )
    yield ReadableSpan(
        "decide",
        context=_context(trace_id, random_bits(64), flags),
        parent=whole,
        resource=_RESOURCE,
        attributes={"tokenward.reason": exchange.decision.reason},
        start_time=start,
        end_time=start + round(exchange.decided * 1e9),
        instrumentation_scope=_SCOPE,
    )


def _context(trace_id: str, span_id: int, flags: str, *, is_remote: bool = False) -> SpanContext:
    return SpanContext(int(trace_id, 16), span_id, is_remote, TraceFlags(int(flags, 16)))


def _attributes(exchange: Exchange) -> dict[str, Any]:
    """By the semantic conventions for HTTP where they have a name. Nothing that a caller wrote."""
    decision = exchange.decision
    told: dict[str, Any] = {
        "tokenward.request_id": decision.trace.request_id,
        "tokenward.reason": decision.reason,
    }
    if decision.operation:
        method, _, template = decision.operation.partition(" ")
        told |= {"tokenward.api": decision.api, "http.request.method": method, "http.route": template}
    if exchange.status:
        told["http.response.status_code"] = exchange.status
    if isinstance(decision, Deny):
        told["error.type"] = decision.problem.code
    if decision.facts is not None:
        told["tokenward.client_id"] = decision.facts.client_id
        told["tokenward.token_id"] = decision.facts.token_id
    return told
