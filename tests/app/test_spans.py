"""What becomes of exchanges: counted by the class of their answers, and told to a collector as spans."""

import asyncio
import socket
import threading
from http.server import BaseHTTPRequestHandler

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import REGISTRY

from gateway.wire import gateway
from serving import serving
from tokenward.app.exchange_log import ExchangeLog
from tokenward.app.spans import Spans, spans_of
from tokenward.base.problems import UNAVAILABLE, UNDOCUMENTED
from tokenward.base.secret import Secret
from tokenward.gateway.access import Allow, Deny, TokenFacts
from tokenward.gateway.doors.exchange import Exchange
from tokenward.gateway.trace import traced
from tokenward.gateway.upstreams import Pool

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
FACTS = TokenFacts("4U9VoPKSUjB", None, "shop", None, frozenset(), "https://a.example", "client_secret", 0, 1)


def allowed(parent=CALLER):
    return Allow(
        "bank", "GET /accounts/{id}", Pool(("http://127.0.0.1:1",)), "/accounts/4711", "e30.e30.", FACTS,
        trace=traced([(b"traceparent", parent.encode())] if parent else []),
    )  # fmt: skip


def exchange(decision, status=200):
    return Exchange(decision, status, 1_800_000_000.0, 0.000_012, 0.25)


def test_a_call_is_a_span_with_the_decision_within_it():
    whole, decide = spans_of(exchange(allowed()))
    assert (whole.name, whole.kind, whole.status.status_code) == (
        "GET /accounts/{id}", SpanKind.SERVER, StatusCode.UNSET,
    )  # fmt: skip
    assert whole.parent.is_remote
    assert f"{whole.parent.span_id:x}" == "b7ad6b7169203331"
    assert f"{whole.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert (whole.end_time - whole.start_time, decide.end_time - decide.start_time) == (250_000_000, 12_000)
    assert decide.parent == whole.context
    assert decide.context.trace_id == whole.context.trace_id
    assert decide.context.span_id not in {0, whole.context.span_id}


def test_the_backend_is_told_the_span_of_the_call_as_its_parent():
    call = allowed()
    whole, _ = spans_of(exchange(call))
    assert call.trace.parent.split("-")[2] == f"{whole.context.span_id:016x}"


def test_a_trace_that_begins_here_has_no_parent():
    whole, _ = spans_of(exchange(allowed(parent="")))
    assert whole.parent is None


def test_what_its_caller_does_not_sample_is_not_told():
    assert [*spans_of(exchange(allowed(parent=CALLER[:-1] + "0")))] == []


def test_a_span_says_who_and_why_but_neither_path_nor_credential():
    call = allowed()
    whole, decide = spans_of(exchange(call))
    assert dict(whole.attributes) == {
        "tokenward.request_id": call.trace.request_id,
        "tokenward.reason": "allow",
        "tokenward.api": "bank",
        "http.request.method": "GET",
        "http.route": "/accounts/{id}",
        "http.response.status_code": 200,
        "tokenward.client_id": "shop",
        "tokenward.token_id": "4U9VoPKSUjB",
    }
    assert dict(decide.attributes) == {"tokenward.reason": "allow"}


@pytest.mark.parametrize(
    ("problem", "failed"),
    [(UNDOCUMENTED, StatusCode.UNSET), (UNAVAILABLE, StatusCode.ERROR)],
    ids=["4xx", "5xx"],
)
def test_a_refusal_names_its_reason_and_only_a_fault_of_ours_is_an_error(problem, failed):
    whole, _ = spans_of(exchange(Deny(problem, trace=traced([])), problem.status))
    assert whole.name == "HTTP"
    assert whole.attributes["error.type"] == problem.code
    assert whole.status.status_code is failed


def test_an_answer_that_was_cut_is_an_error():
    whole, _ = spans_of(exchange(allowed(), status=0))
    assert whole.status.status_code is StatusCode.ERROR
    assert "http.response.status_code" not in whole.attributes


class Collector(BaseHTTPRequestHandler):
    got: list
    there: threading.Event

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append((self.path, self.headers["authorization"], body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
        self.there.set()


def test_spans_arrive_at_a_collector():
    class Here(Collector):
        got, there = [], threading.Event()

    with serving(Here) as origin:
        spans = Spans(f"{origin}/v1/traces", Secret("Bearer collector"))
        log = ExchangeLog(spans)
        log.gather(exchange(allowed()))
        log.flush()
        spans.close()
        assert Here.there.wait(10)
    ((path, authorization, body),) = Here.got
    assert (path, authorization) == ("/v1/traces", "Bearer collector")
    (resource,) = ExportTraceServiceRequest.FromString(body).resource_spans
    names = [span.name for span in resource.scope_spans[0].spans]
    assert sorted(names) == ["GET /accounts/{id}", "decide"]
    told = {it.key: it.value.string_value for it in resource.resource.attributes}
    assert told["service.name"] == "tokenward-gateway"


def test_a_collector_that_is_away_harms_nobody(free_port):
    spans = Spans(f"http://127.0.0.1:{free_port}/v1/traces")
    log = ExchangeLog(spans)
    for _ in range(5000):  # more than the queue holds
        log.gather(exchange(allowed()))
    log.flush()
    assert log._gathered == []
    spans.close()


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def test_the_door_tells_each_exchange_with_its_status():
    async def run():
        told = []
        async with gateway() as running:
            running.door._exchanged = told.append
            await running.ask()
            await running.ask("/nowhere")
            await running.ask(path="/.well-known/tokenward/health")

            async def nonsense(_reader, writer):
                writer.write(b"nonsense\r\n\r\n")

            running.backend.answer = nonsense
            await running.ask()
        return [(each.decision.reason, each.status) for each in told], told

    seen, told = asyncio.run(run())
    assert seen == [("allow", 200), ("undocumented", 404), ("allow", 502)]
    assert all(0 <= each.decided <= each.seconds for each in told)


def test_exchanges_are_counted_by_the_class_of_their_answer():
    def counts():
        labels = {"api": "bank", "le": "0.25"}
        name = "tokenward_exchange_seconds_bucket"
        answers = ("2xx", "4xx", "5xx", "none")
        return [REGISTRY.get_sample_value(name, {**labels, "answer": it}) or 0 for it in answers]

    before, log = counts(), ExchangeLog()
    for status in (200, 204, 404, 502, 0):
        log.gather(exchange(allowed(), status))
    log.flush()
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [2, 1, 1, 1]
