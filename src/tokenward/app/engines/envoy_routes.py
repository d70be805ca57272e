"""Envoy's routes: which requests go to an API once they are decided on, and which to the gateway itself."""

import re
from collections.abc import Iterator

from tokenward.app.engines.envoy_types import Json, header, seconds, typed
from tokenward.app.engines.envoy_upstreams import GATEWAY, cluster_name
from tokenward.app.engines.plan import NOT_CANONICAL, SHOWN_BODY, ApiPlan, EnginePlan
from tokenward.gateway.doors.limits import Limits

HEAD, WHOLE, ANSWERS, DECIDED, LARGEST = "decide-head", "decide-whole", "answers", "decided", "largest"
"""The names of filters: two ways to ask for a decision, what it says of the answer, that there is one,
and how large a body may be."""

DECISION, API, DEFAULTS = "tokenward-decision", "tokenward-api", "tokenward-defaults"

_SAFE = "GET|HEAD|OPTIONS"
_OWN_NAMES = ("x-tokenward-peer", "x-tokenward-scheme", "x-tokenward-certificate")


def routes(plan: EnginePlan, *, scheme: str, certificate: str) -> Json:
    """The route table for clients that came by `scheme` and showed `certificate`: both are formats."""
    gateway = _to_gateway(plan, scheme, certificate)
    return {
        "name": "public",
        "virtual_hosts": [
            {
                "name": "all",
                "domains": ["*"],
                "routes": [
                    *({"match": match, **gateway} for match in _for_gateway(plan)),
                    *(route for api in plan.apis for route in _api(api, scheme, gateway)),
                    {"match": {"prefix": "/"}, **gateway},
                ],
            }
        ],
        # So that what an operator mistypes in no file of ours can make a hole.
        "validate_clusters": False,
    }


def _for_gateway(plan: EnginePlan) -> Iterator[Json]:
    for path in plan.own_paths:
        yield {"prefix": path}
    for name, value in (
        ("upgrade", {"present_match": True}),
        ("accept", {"string_match": {"contains": "text/event-stream", "ignore_case": True}}),
    ):
        yield {"prefix": "/", "headers": [{"name": name, **value}]}
    yield {"safe_regex": {"regex": NOT_CANONICAL}}


def _to_gateway(plan: EnginePlan, scheme: str, certificate: str) -> Json:
    """It decides and bounds everything itself; Envoy says whose request it is, and nobody else does."""
    return {
        "route": {
            "cluster": GATEWAY,
            "timeout": "0s",
            "idle_timeout": "3600s",
            "upgrade_configs": [{"upgrade_type": "websocket", "enabled": True}],
            "retry_policy": {"retry_on": "connect-failure", "num_retries": 1},
        },
        "request_headers_to_add": [
            *_from(scheme),
            *([header(plan.certificate_header, certificate)] if certificate else []),
        ],
        # Envoy removes first. Where there is no certificate it adds none, and the client's word would stay.
        "request_headers_to_remove": [plan.certificate_header],
        "typed_per_filter_config": {
            HEAD: _unasked(),
            WHOLE: _unasked(),
            ANSWERS: typed("filters.http.lua.v3.LuaPerRoute", disabled=True),
            DECIDED: typed("filters.http.rbac.v3.RBACPerRoute"),
            LARGEST: {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True},
        },
    }


def _from(scheme: str) -> Iterator[Json]:
    """Whose request it is, in place of whatever the client says."""
    yield header("x-forwarded-for", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%")
    yield header("x-forwarded-proto", scheme)


def _unasked() -> Json:
    return typed("filters.http.ext_authz.v3.ExtAuthzPerRoute", disabled=True)


def _api(api: ApiPlan, scheme: str, gateway: Json) -> Iterator[Json]:
    for operation in api.operations:
        match = {
            "safe_regex": {"regex": operation.pattern},
            "headers": [_method(operation.method)],
        }
        yield from _bounded(api, match, operation.limits, scheme, gateway)
    match = {"path_separated_prefix": api.mount} if api.mount else {"prefix": "/"}
    yield from _bounded(api, match, api.limits, scheme, gateway)


def _bounded(api: ApiPlan, match: Json, limits: Limits, scheme: str, gateway: Json) -> Iterator[Json]:
    """The routes of one API, or one operation. Bodies of unknown length are for the gateway to count."""
    most = min(limits.body, SHOWN_BODY) if api.shows_bodies else limits.body
    conditions = match.get("headers", [])
    for condition in (
        [{"name": "content-length", "range_match": {"start": most + 1, "end": 2**63 - 1}}],
        [{"name": "transfer-encoding", "present_match": True}],
        [
            {"name": "content-length", "present_match": True, "invert_match": True},
            _method(_SAFE) | {"invert_match": True},
        ],
    ):
        yield {"match": {**match, "headers": [*conditions, *condition]}, **gateway}
    again = {"match": {**match, "headers": [*conditions, _method(_SAFE)]}}
    # RFC 9110 §9.2.2: who asks twice for the same changes nothing by it.
    yield {**again, **_to_api(api, limits, scheme, "connect-failure,refused-stream,reset")}
    yield {"match": match, **_to_api(api, limits, scheme, "connect-failure,refused-stream")}


def _method(pattern: str) -> Json:
    return {"name": ":method", "string_match": {"safe_regex": {"regex": pattern}}}


def _to_api(api: ApiPlan, limits: Limits, scheme: str, retry_on: str) -> Json:
    return {
        "route": {
            "cluster": cluster_name(api),
            "timeout": "0s",
            "idle_timeout": seconds(max(limits.read, limits.client)),
            "auto_host_rewrite": True,
            "retry_policy": {
                "retry_on": retry_on,
                "num_retries": 1,
                "per_try_idle_timeout": seconds(limits.read),
            },
            **_rewritten(api),
        },
        "request_headers_to_add": [*_from(scheme), header("x-forwarded-host", "%REQ(:AUTHORITY)%")],
        "request_headers_to_remove": [*_OWN_NAMES, DECISION, API],
        "typed_per_filter_config": {
            (HEAD if api.shows_bodies else WHOLE): _unasked(),
            DECIDED: typed("filters.http.rbac.v3.RBACPerRoute", rbac={"rules": _decided_for(api)}),
        },
    }


def _decided_for(api: ApiPlan) -> Json:
    """Only with an answer that calls itself a decision: whoever else said 200 knows nothing.

    And only if it is about this API: while a policy changes, the gateway may know the new one before the
    routes do.
    """
    said = ((DECISION, "allow"), (API, api.name))
    headers = [{"header": {"name": name, "string_match": {"exact": value}}} for name, value in said]
    principal = {"and_ids": {"ids": headers}}
    return {
        "action": "ALLOW",
        "policies": {"decided": {"permissions": [{"any": True}], "principals": [principal]}},
    }


def _rewritten(api: ApiPlan) -> Json:
    """From the mount to the base path."""
    if api.mount == api.base:
        return {}
    pattern = f"^{re.escape(api.mount)}"
    return {"regex_rewrite": {"pattern": {"regex": pattern}, "substitution": api.base}}
