"""Envoy's public listener: how strictly it reads HTTP, and how it asks for decisions."""

from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import NamedTuple

from tokenward.app.engines.envoy_routes import ANSWERS, API, DECIDED, DECISION, DEFAULTS, HEAD, LARGEST, WHOLE
from tokenward.app.engines.envoy_strict import strict
from tokenward.app.engines.envoy_types import Json, address, seconds, typed
from tokenward.app.engines.envoy_upstreams import DECISIONS
from tokenward.app.engines.plan import DECISION_SECONDS, SHOWN_BODY, EnginePlan, Tls
from tokenward.app.listener import HEAD_LIMIT, REQUEST_SECONDS
from tokenward.base.problems import (
    AMBIGUOUS_PATH,
    BAD_UPSTREAM,
    CLIENT_SILENT,
    MALFORMED,
    NO_UPSTREAM,
    TOO_LARGE,
    UNAVAILABLE,
    UPGRADE_REFUSED,
    UPSTREAM_TIMEOUT,
    Problem,
    problem_json,
)

CERTIFICATE = "public"
"""The name of the secret that holds the public certificate and its key."""

Routes = Callable[[str, str], Json]
"""Where the routes are, for clients that came by a scheme and showed a certificate: both are formats."""

_MANAGER = "filters.network.http_connection_manager.v3.HttpConnectionManager"
_CIPHERS = [
    f"ECDHE-{key}-{rest}"
    for rest in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for key in ("ECDSA", "RSA")
]  # forward secrecy and authenticated encryption only (RFC 9325 §4.2)
_BUFFER = 64 * 1024  # bytes that wait on one connection
_IDLE_SECONDS = 65.0  # as the gateway's own listener keeps a connection
_HEADERS = 200
_STREAMS = 100  # of one HTTP/2 connection

# Nobody is that: so no client counts as one of Envoy's own house, and steers it by x-envoy-* headers.
_NO_HOUSE = {"unix_sockets": False, "cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]}

_TOLD = (
    "authorization",
    "cookie",
    "x-request-id",
    "traceparent",
    "tracestate",
    DECISION,
    API,
)
"""What a decision puts into the request."""

_TOLD_CLIENTS = (
    *({"exact": it} for it in (DECISION, "x-request-id", DEFAULTS, "tokenward-hide", "tokenward-private")),
    {"prefix": "tokenward-set-"},
)
"""What a decision puts into the answer, for `envoy_answers.lua`."""


_ONE_CERTIFICATE = """\
function envoy_on_request(handle)
  if handle:headers():getNumValues("@CERTIFICATE@") > 1 then handle:respond({ [":status"] = "400" }, "") end
end
"""


class _Line(NamedTuple):
    """What a client came by."""

    scheme: str
    certificate: str
    manager: Json
    certificate_header: str = ""


def listener(plan: EnginePlan, routes: Routes, *, secrets: Json | None = None) -> Json:
    """The listener; behind proxies, it has another chain for them, since they are believed.

    Args:
        plan: of the engine.
        routes: where the routes are.
        secrets: where the certificate and its key are found as a secret; otherwise the listener names files.
    """
    return {
        "name": "public",
        "address": address(plan.listen),
        "per_connection_buffer_limit_bytes": _BUFFER,
        "filter_chains": [_chain(plan, line, routes, match, secrets) for line, match in _lines(plan)],
    }


def _lines(plan: EnginePlan) -> Iterator[tuple[_Line, Json]]:
    if plan.proxies.networks:
        header = plan.proxies.certificate_header
        yield (
            _Line(
                "%REQ(X-FORWARDED-PROTO)%",
                f"%REQ({header.upper()})%" if header is not None else "",
                {
                    "use_remote_address": False,
                    "skip_xff_append": True,
                    "original_ip_detection_extensions": [
                        {
                            "name": "xff",
                            "typed_config": typed(
                                "http.original_ip_detection.xff.v3.XffConfig",
                                xff_trusted_cidrs={"cidrs": [*map(_network, plan.proxies.networks)]},
                            ),
                        }
                    ],
                },
                header or "",
            ),
            {"filter_chain_match": {"source_prefix_ranges": [*map(_network, plan.proxies.networks)]}},
        )
    asks = plan.tls is not None and plan.tls.asks
    direct = _Line(
        "https" if plan.tls is not None else "http",
        "%DOWNSTREAM_PEER_CERT%" if asks else "",
        {"use_remote_address": True, "skip_xff_append": True},
    )
    yield direct, {}


def _network(text: str) -> Json:
    prefix, _, length = text.partition("/")
    return {"address_prefix": prefix, "prefix_len": int(length) if length else (128 if ":" in prefix else 32)}


def _chain(plan: EnginePlan, line: _Line, routes: Routes, match: Json, secrets: Json | None) -> Json:
    manager = typed(
        _MANAGER,
        stat_prefix="public",
        codec_type="AUTO" if plan.tls is not None else "HTTP1",
        **line.manager,
        **routes(line.scheme, line.certificate),
        **_strictness(plan),
        http_filters=[
            *_one_certificate(line.certificate_header),
            _answers(),
            _authorizer(HEAD, "/decide/head", line),
            _authorizer(WHOLE, "/decide/whole", line),
            _decided(),
            _largest(plan),
            {
                "name": "router",
                "typed_config": typed("filters.http.router.v3.Router", suppress_envoy_headers=True),
            },
        ],
        local_reply_config={"mappers": [*_replies()]},
    )
    return {
        **match,
        "filters": [strict(http2=plan.tls is not None), {"name": "http", "typed_config": manager}],
        "transport_socket_connect_timeout": seconds(REQUEST_SECONDS),
        **({"transport_socket": _tls(plan.tls, secrets)} if plan.tls is not None else {}),
    }


def _strictness(plan: EnginePlan) -> Json:
    """What of HTTP is let in. Paths stay as they came: the decision refuses what has two readings."""
    return {
        "normalize_path": False,
        "merge_slashes": False,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "generate_request_id": False,
        "internal_address_config": _NO_HOUSE,
        "server_header_transformation": "PASS_THROUGH",
        "forward_client_cert_details": "SANITIZE",
        "early_header_mutation_extensions": [_nobody_speaks_for_us()],
        "max_request_headers_kb": HEAD_LIMIT // 1024,
        "request_headers_timeout": seconds(REQUEST_SECONDS),
        "stream_idle_timeout": "30s",
        "drain_timeout": seconds(plan.drain),
        "common_http_protocol_options": {
            "idle_timeout": seconds(_IDLE_SECONDS),
            "max_headers_count": _HEADERS,
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "http_protocol_options": {
            "allow_absolute_url": False,
            "accept_http_10": True,
            "enable_trailers": False,
        },
        "http2_protocol_options": {
            "max_concurrent_streams": _STREAMS,
            "initial_stream_window_size": 65_536,
            "initial_connection_window_size": 1_048_576,
        },
    }


def _nobody_speaks_for_us() -> Json:
    """Before anything else: out with what only we may say to the decision, or to Envoy."""
    beginnings = ("x-tokenward-", DECISION, API, "x-envoy-")
    return {
        "name": "nobody-speaks-for-us",
        "typed_config": typed(
            "http.early_header_mutation.header_mutation.v3.HeaderMutation",
            mutations=[{"remove_on_match": {"key_matcher": {"prefix": it}}} for it in beginnings],
        ),
    }


def _one_certificate(header: str) -> Iterator[Json]:
    """Of two, Envoy would believe the first, which may be the client's, and the proxy's the second."""
    if header:
        source = _ONE_CERTIFICATE.replace("@CERTIFICATE@", header.lower())
        yield {"name": "one-certificate", "typed_config": _lua(source)}


def _answers() -> Json:
    source = files(__package__).joinpath("envoy_answers.lua").read_text(encoding="utf-8")
    source = source.replace("@UNAVAILABLE@", problem_json(UNAVAILABLE).decode())
    return {"name": ANSWERS, "typed_config": _lua(source)}


def _lua(source: str) -> Json:
    return typed("filters.http.lua.v3.Lua", default_source_code={"inline_string": source})


def _authorizer(name: str, prefix: str, line: _Line) -> Json:
    body = {
        "with_request_body": {
            "max_request_bytes": SHOWN_BODY,
            "allow_partial_message": False,
            "pack_as_bytes": True,
        }
    }
    facts = {
        "x-tokenward-peer": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "x-tokenward-scheme": line.scheme,
        **({"x-tokenward-certificate": line.certificate} if line.certificate else {}),
    }
    return {
        "name": name,
        "typed_config": typed(
            "filters.http.ext_authz.v3.ExtAuthz",
            failure_mode_allow=False,
            status_on_error={"code": "ServiceUnavailable"},
            allowed_headers={"patterns": [{"safe_regex": {"regex": ".*"}}]},
            # Byte by byte, and each as often as it was sent: otherwise one of a name is shown, and text only.
            encode_raw_headers=True,
            http_service={
                "server_uri": {
                    "uri": "http://tokenward",
                    "cluster": DECISIONS,
                    "timeout": seconds(DECISION_SECONDS),
                },
                "path_prefix": prefix,
                "authorization_request": {
                    "headers_to_add": [{"key": key, "value": value} for key, value in facts.items()]
                },
                "authorization_response": {
                    "allowed_upstream_headers": {"patterns": [{"exact": it} for it in _TOLD]},
                    "allowed_client_headers_on_success": {"patterns": [*_TOLD_CLIENTS]},
                },
            },
            **(body if name == WHOLE else {}),
        ),
    }


def _decided() -> Json:
    """Nothing goes on, but where a route says by which decision."""
    return {"name": DECIDED, "typed_config": typed("filters.http.rbac.v3.RBAC", rules={"action": "ALLOW"})}


def _largest(plan: EnginePlan) -> Json:
    """For a body whose length no header tells, as it may be in HTTP/2: others are bound by their routes."""
    bounds = [api.limits.body for api in plan.apis]
    bounds += [it.limits.body for api in plan.apis for it in api.operations]
    most = typed("filters.http.body_size_limit.v3.BodySizeLimit", max_request_bytes=max(bounds, default=1))
    return {"name": LARGEST, "typed_config": most}


def _replies() -> Iterator[Json]:
    """What Envoy answers itself says no more than ours: first decisions, as they are."""
    yield {"filter": _flags("UAEX")}
    for details, problem in (
        ("path_normalization_failed", AMBIGUOUS_PATH),
        ("upgrade_failed", UPGRADE_REFUSED),
        ("route_not_found", MALFORMED),  # every path has a route: this is none
    ):
        yield _reply(_because(f"response.code_details == '{details}'"), problem)
    yield _reply(_because("response.code_details.startsWith('rbac_access_denied')"), UNAVAILABLE)
    yield _reply(_status(501), MALFORMED)  # a transfer coding other than chunked
    for flags, problem in (
        (("UH", "UO", "NC"), NO_UPSTREAM),
        (("UT",), UPSTREAM_TIMEOUT),
        (("UF", "UC", "UR", "URX", "UPE", "LR"), BAD_UPSTREAM),
    ):
        yield _reply(_flags(*flags), problem)
    for problem in (MALFORMED, CLIENT_SILENT, TOO_LARGE, UPSTREAM_TIMEOUT, UNAVAILABLE):
        yield _reply(_status(problem.status), problem)


def _flags(*flags: str) -> Json:
    return {"response_flag_filter": {"flags": list(flags)}}


def _because(expression: str) -> Json:
    filtering = "access_loggers.filters.cel.v3.ExpressionFilter"
    return {
        "extension_filter": {
            "name": "cel",
            "typed_config": typed(filtering, expression=expression),
        }
    }


def _status(status: int) -> Json:
    comparison = {"op": "EQ", "value": {"default_value": status, "runtime_key": "tokenward.unused"}}
    return {"status_code_filter": {"comparison": comparison}}


def _reply(matching: Json, problem: Problem) -> Json:
    return {
        "filter": matching,
        "status_code": problem.status,
        "body_format_override": {
            "text_format_source": {"inline_string": problem_json(problem).decode().replace("%", "%%")},
            "content_type": "application/problem+json",
        },
        "headers_to_add": [
            {
                "header": {"key": "cache-control", "value": "no-store"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
    }


def _tls(tls: Tls, secrets: Json | None) -> Json:
    own: Json = {"tls_certificate_sds_secret_configs": [{"name": CERTIFICATE, "sds_config": secrets}]}
    if secrets is None:
        files = {"certificate_chain": tls.certificate, "private_key": tls.key}
        own = {"tls_certificates": [{part: {"filename": str(path)} for part, path in files.items()}]}
    # Any certificate whose key is proved: who that is, the decision judges.
    asks = {"validation_context": {"trust_chain_verification": "ACCEPT_UNTRUSTED"}} if tls.asks else {}
    return {
        "name": "tls",
        "typed_config": typed(
            "transport_sockets.tls.v3.DownstreamTlsContext",
            common_tls_context={
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "cipher_suites": _CIPHERS},
                "alpn_protocols": ["h2", "http/1.1"],
                **own,
                **asks,
            },
        ),
    }
