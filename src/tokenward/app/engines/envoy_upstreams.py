"""Envoy's clusters: the upstreams of each API, the gateway, and where decisions are made."""

import hashlib
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path

from tokenward.app.engines.envoy_types import Json, address, seconds, typed
from tokenward.app.engines.plan import ApiPlan, EnginePlan, Place
from tokenward.gateway.doors.balancer import FIRST_PAUSE, LONGEST_PAUSE
from tokenward.gateway.doors.health import TURNS

DECISIONS, GATEWAY = "tokenward-decisions", "tokenward-gateway"

ENGINE_CERTIFICATE, ENGINE_KEY, GATEWAY_CA = "engine.crt", "engine.key", "gateway-ca.crt"
"""Of an Envoy that somebody else runs, and that reaches the gateway by TLS: files where it is started."""

_BUFFER = 64 * 1024  # bytes that wait on one connection
_AT_ONCE = 16_384  # requests to the gateway's own sockets; who has to wait longer than its time gets a 503
_CA_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")

# What an API may not say to our client (`gateway.headers.incoming`), or in our name.
_UNSAID = (
    "server",
    "date",
    "dpop-nonce",
    "te",
    "trailer",
    "x-powered-by",
    "x-aspnet-version",
    "x-aspnetmvc-version",
    "x-generator",
    "x-runtime",
    "x-request-id",
)
_UNSAID_BEGINNINGS = ("tokenward-", "x-tokenward-", "x-envoy-", "proxy-")


def clusters(plan: EnginePlan) -> list[Json]:
    """All of them."""
    return [
        _own(DECISIONS, plan.decisions),
        _own(GATEWAY, plan.gateway),
        *(_api(api) for api in plan.apis),
    ]


def cluster_name(api: ApiPlan) -> str:
    """Of the upstreams of an API. Another one when they change, so that what runs there can end."""
    said = repr((api.upstreams, api.tls, api.base, api.health, api.limits.connect))
    return f"api-{api.name}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"


def _own(name: str, place: Place) -> Json:
    return {
        **_cluster(name, 1.0, _AT_ONCE),
        **_found(by_address=place.socket is not None or _is_address(place.host)),
        "load_assignment": _endpoints(name, [{"endpoint": {"address": address(place)}}]),
        **({"transport_socket": _shown_to_us(place)} if place.tls else {}),
    }


def _shown_to_us(place: Place) -> Json:
    """Both sides prove who they are. The files are the engine's, and lie where it is started."""
    own = {"certificate_chain": {"filename": ENGINE_CERTIFICATE}, "private_key": {"filename": ENGINE_KEY}}
    return _tls(place.host, GATEWAY_CA, tls_certificates=[own])


def _api(api: ApiPlan) -> Json:
    name = cluster_name(api)
    return {
        **_cluster(name, api.limits.connect, api.limits.connections),
        **_found(by_address=all(_is_address(it.host) for it in api.upstreams)),
        "load_assignment": _endpoints(
            name,
            [
                {
                    "endpoint": {
                        "hostname": it.authority,
                        "address": address(Place(host=it.host, port=it.port)),
                    },
                    "metadata": {"filter_metadata": {"envoy.transport_socket_match": {"server": it.host}}},
                }
                for it in api.upstreams
            ],
        ),
        "lb_policy": "LEAST_REQUEST",
        # Where all are down by their health checks, none is asked; a client gets no say in who is.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        **({"health_checks": [_health(api)]} if api.health is not None else {}),
        **({"outlier_detection": _unreached(len(api.upstreams))} if len(api.upstreams) > 1 else {}),
        **(_by_host(api) if api.tls else {}),
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
                "upstreams.http.v3.HttpProtocolOptions",
                explicit_http_config={"http_protocol_options": {}},
                common_http_protocol_options={"idle_timeout": "30s", "max_headers_count": 200},
                http_filters=[_unsaid(), _codec()],
            )
        },
    }


def _cluster(name: str, connect: float, most: int) -> Json:
    return {
        "name": name,
        "connect_timeout": seconds(connect),
        "per_connection_buffer_limit_bytes": _BUFFER,
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": most,
                    "max_pending_requests": most,
                    "max_requests": _AT_ONCE,
                    "max_retries": 64,
                }
            ]
        },
    }


def _found(*, by_address: bool) -> Json:
    """Of a name with addresses of both kinds Envoy would take those of IPv6 alone; `localhost` has one."""
    return {"type": "STATIC"} if by_address else {"type": "STRICT_DNS", "dns_lookup_family": "V4_PREFERRED"}


def _endpoints(name: str, endpoints: list[Json]) -> Json:
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]}


def _unsaid() -> Json:
    return {
        "name": "unsaid",
        "typed_config": typed(
            "filters.http.header_mutation.v3.HeaderMutation",
            mutations={"response_mutations": list(_removals())},
        ),
    }


def _removals() -> Iterator[Json]:
    for name in _UNSAID:
        yield {"remove": name}
    for beginning in _UNSAID_BEGINNINGS:
        yield {"remove_on_match": {"key_matcher": {"prefix": beginning}}}


def _codec() -> Json:
    return {"name": "codec", "typed_config": typed("filters.http.upstream_codec.v3.UpstreamCodec")}


def _health(api: ApiPlan) -> Json:
    health = api.health
    assert health is not None  # noqa: S101 - asked for where there is one
    return {
        "timeout": seconds(health.timeout),
        "interval": seconds(health.interval),
        "no_traffic_interval": seconds(health.interval),
        "healthy_threshold": TURNS,
        "unhealthy_threshold": TURNS,
        "reuse_connection": False,
        "http_health_check": {
            "path": api.base + health.path,
            "expected_statuses": [{"start": 200, "end": 300}],
        },
    }


def _unreached(members: int) -> Json:
    """Passed over for a while, unless all are: that is for connections that fail, and never for an answer."""
    return {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 1,
        "enforcing_consecutive_local_origin_failure": 100,
        "enforcing_consecutive_5xx": 0,
        "enforcing_consecutive_gateway_failure": 0,
        "enforcing_success_rate": 0,
        "enforcing_local_origin_success_rate": 0,
        "interval": seconds(FIRST_PAUSE),
        "base_ejection_time": seconds(FIRST_PAUSE),
        "max_ejection_time": seconds(LONGEST_PAUSE),
        "max_ejection_percent": 100 * (members - 1) // members,
    }


def _tls(host: str, authorities: str, **shown: object) -> Json:
    """TLS to a server whose certificate is for this name or address, and by one of these CAs."""
    kind = "IP_ADDRESS" if _is_address(host) else "DNS"
    match = {"san_type": kind, "matcher": {"exact": host}}
    return {
        "name": "tls",
        "typed_config": typed(
            "transport_sockets.tls.v3.UpstreamTlsContext",
            **({} if kind == "IP_ADDRESS" else {"sni": host}),
            common_tls_context={
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
                **shown,
                "validation_context": {
                    "trusted_ca": {"filename": authorities},
                    "match_typed_subject_alt_names": [match],
                },
            },
        ),
    }


def _by_host(api: ApiPlan) -> Json:
    """Each upstream is held to its own name."""
    authorities = _authorities()
    sockets = {it.host: _tls(it.host, authorities) for it in api.upstreams}
    return {
        "transport_socket_matches": [
            {"name": host, "match": {"server": host}, "transport_socket": socket}
            for host, socket in sockets.items()
        ],
        # For one that fits none of them, which would be plain otherwise.
        "transport_socket": sockets[api.upstreams[0].host],
    }


def _authorities() -> str:
    """The file with the CAs that this system trusts."""
    found = ssl.get_default_verify_paths().cafile
    return found or next((it for it in _CA_FILES if Path(it).is_file()), _CA_FILES[0])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
