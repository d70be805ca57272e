"""What nginx is told as the engine in front.

nginx carries the traffic. Lua asks the gateway about each request and does what it says, and holds the
answer of the API to it (`lua/tokenward/decide.lua`). Nothing that an operator would have to remember is left
out: what nginx would mend or drop in silence, it hands on, so that the decision judges what the client sent.
"""

import hashlib
import json
import os
import resource
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from tokenward.app.engines.plan import (
    DECISION_SECONDS,
    SHOWN_BODY,
    ApiPlan,
    EnginePlan,
    Place,
)
from tokenward.base.problems import (
    BAD_UPSTREAM,
    CLIENT_SILENT,
    MALFORMED,
    NOT_FOUND,
    TOO_LARGE,
    UNAVAILABLE,
    UPSTREAM_TIMEOUT,
    Problem,
    problem_json,
)
from tokenward.gateway.doors.limits import Limits

LUA = Path(__file__).parent / "lua"
"""The directory of the Lua modules."""

HEAD = 16_384
"""Bytes of the longest field, of which there may be two: together, what the gateway's own listener takes."""

CACHE = "16m"
"""Memory for decisions that are kept, which is never exceeded: the eldest make room."""

# Where nginx asks itself. No decision allows a path with a semicolon.
_INSIDE = "/;tokenward"

# What nginx says to the gateway of the connection.
_FACTS = ("X-Tokenward-Peer", "X-Tokenward-Scheme", "X-Tokenward-Certificate")

# Of each request, without its query and fragment, which may hold what they should not.
_LOGGED = (
    '"at":"$time_iso8601","peer":"$remote_addr","method":"$request_method","path":"$tokenward_path",'
    '"status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,'
    '"upstream":"$upstream_response_time","request_id":"$tokenward_request_id"'
)

# What an API may not say to a client (`tokenward.gateway.headers.incoming`), and what is said by us.
_HIDDEN = (
    *("Keep-Alive", "TE", "Trailer", "Upgrade", "DPoP-Nonce", "X-Request-Id"),
    *("X-Powered-By", "X-AspNet-Version", "X-AspNetMvc-Version", "X-Generator", "X-Runtime"),
)

# What of an answer nginx would do as it is told, and by which an API could reach what is internal here.
_IGNORED = "X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset"

_PROBLEMS: Mapping[int, Problem] = {
    400: MALFORMED,
    404: NOT_FOUND,
    408: CLIENT_SILENT,
    413: TOO_LARGE,
    502: BAD_UPSTREAM,
    503: UNAVAILABLE,
    504: UPSTREAM_TIMEOUT,
}
# Whatever else nginx says by itself becomes one of those.
_BECOMES = {
    400: (400, 405, 411, 414, 416, 417, 421, 494, 495, 496, 497, 501, 505),
    404: (403, 404),
    408: (408,),
    413: (413,),
    502: (502,),
    503: (401, 429, 500, 503, 507),
    504: (504,),
}


def configuration(
    plan: EnginePlan, directory: Path, modules: Sequence[Path], *, ready: Path | None = None
) -> str:
    """All that nginx is told, as one file.

    Args:
        plan: in no engine's words.
        directory: for its files; nobody else may read it.
        modules: that it has to load, in this order.
        ready: a Unix socket at which it answers with `generation`; None for none.
    """
    return "\n".join([*_lines(plan, directory, modules, ready), ""])


def generation(plan: EnginePlan) -> str:
    """Names a plan, so that a decision that was kept under another one is not found."""
    return hashlib.sha256(repr(plan).encode()).hexdigest()[:32]


def _lines(plan: EnginePlan, directory: Path, modules: Sequence[Path], ready: Path | None) -> Iterator[str]:
    yield from (f"load_module {_quoted(module)};" for module in modules)
    if os.geteuid() == 0:
        yield "user root root;  # whoever started it: the sockets are nobody else's"
    yield "daemon off;"
    yield "worker_processes auto;"
    files = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65_536)
    yield f"worker_rlimit_nofile {files};"
    yield f"worker_shutdown_timeout {plan.drain}s;"
    yield f"pid {_quoted(directory / 'nginx.pid')};"
    yield "error_log stderr notice;"
    yield "pcre_jit on;"
    yield f"events {{ worker_connections {files}; }}"
    yield "http {"
    yield from _indented(_http(plan, directory, ready))
    yield "}"


def _http(plan: EnginePlan, directory: Path, ready: Path | None) -> Iterator[str]:
    # What nginx writes about a request quotes its target, which may hold a credential.
    yield "error_log stderr emerg;"
    yield f"log_format tokenward escape=json '{{{_LOGGED}}}';"
    yield f"access_log {_quoted(directory / 'access.log')} tokenward buffer=64k flush=1s;"
    for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
        yield f"{name}_temp_path {_quoted(directory / f'{name}_temp')};"
    yield from (
        "server_tokens off;",
        "merge_slashes off;",
        "underscores_in_headers on;",
        "ignore_invalid_headers off;",
        "client_header_buffer_size 4k;",
        f"large_client_header_buffers 2 {HEAD};",
        "client_header_timeout 10s;",
        "keepalive_timeout 65s;",
        "keepalive_requests 10000;",
        "reset_timedout_connection on;",
        "tcp_nodelay on;",
        "sendfile off;",
        "etag off;",
        "if_modified_since off;",
        "max_ranges 0;",
        "default_type application/octet-stream;",
    )
    yield f"lua_package_path {_quoted(f'{LUA}/?.lua;;')};"
    yield "lua_transform_underscores_in_response_headers off;"
    yield "lua_code_cache on;"
    if plan.keeps:
        yield f"lua_shared_dict tokenward_decisions {CACHE};"
    yield "init_by_lua_block {"
    yield '    tokenward = require "tokenward.decide"'
    if plan.proxies.networks:
        header = plan.proxies.certificate_header
        yield f'    require("tokenward.request_head").believe({_lua(header) if header else "nil"})'
    yield "    tokenward_problems = {"
    for status, problem in _PROBLEMS.items():
        yield f"        [{status}] = [=[{problem_json(problem).decode()}]=],"
    yield "    }"
    yield "    tokenward_apis = {"
    yield from (f"        {{ {_told(plan, api)} }}," for api in plan.apis)
    yield "    }"
    yield "}"
    yield "init_worker_by_lua_block {"
    yield '    require("tokenward.tie").die_with_the_master()'
    if plan.keeps:
        told = f'"tokenward_decisions", "{generation(plan)}", {plan.keeps}'
        yield f'    require("tokenward.kept").start({told})'
    yield "}"
    yield from _peer(plan)
    yield "map $upstream_http_transfer_encoding:$upstream_http_connection $tokenward_between {"
    yield "    default otherwise;"
    for connection in ("", "keep-alive", "close"):
        yield f"    :{connection} '';"
        yield f"    chunked:{connection} chunked;"
    yield "}"
    yield "map $request_uri $tokenward_path { default ''; ~^(?<tokenward_bare>[^?#]*) $tokenward_bare; }"
    yield from _upstream("tokenward_decisions", [_address(plan.decisions)])
    yield from _upstream("tokenward_gateway", [_address(plan.gateway)])
    for index, api in enumerate(plan.apis):
        yield from _upstream(f"tokenward_api_{index}", [_at(it.host, it.port) for it in api.upstreams])
    if ready is not None:
        said = generation(plan)
        yield f"server {{ listen {_quoted(f'unix:{ready}')}; access_log off; return 200 {said}; }}"
    yield "server {"
    yield from _indented(_server(plan))
    yield "}"


def _peer(plan: EnginePlan) -> Iterator[str]:
    """Who the client is, and how it came: as the connection says, or as a named proxy does."""
    if not plan.proxies.networks:
        yield "map $scheme $tokenward_scheme { default $scheme; }"
    else:
        yield "geo $realip_remote_addr $tokenward_by_proxy {"
        yield "    default 0;"
        yield from (f"    {network} 1;" for network in plan.proxies.networks)
        yield "}"
        yield "map $tokenward_by_proxy:$http_x_forwarded_proto $tokenward_scheme {"
        yield "    default $scheme;"
        yield "    1:https https;"
        yield "    1:http http;"
        yield "}"
        yield from (f"set_real_ip_from {network};" for network in plan.proxies.networks)
        yield "real_ip_header X-Forwarded-For;"
        yield "real_ip_recursive on;"
    header = plan.proxies.certificate_header
    if plan.tls is not None and plan.tls.asks:
        yield "map $ssl_client_verify $tokenward_certificate {"
        yield "    default $ssl_client_escaped_cert;"
        yield "    NONE '';"
        yield "}"
    elif header is not None and plan.proxies.networks:
        told = f"$http_{header.lower().replace('-', '_')}"
        yield f"map $tokenward_by_proxy $tokenward_certificate {{ default ''; 1 {told}; }}"
    else:
        yield "map $host $tokenward_certificate { default ''; }"


def _upstream(name: str, addresses: Sequence[str]) -> Iterator[str]:
    yield f"upstream {name} {{"
    yield from (f"    server {address};" for address in addresses)
    yield "    keepalive 128;"
    yield "    keepalive_requests 100000;"
    yield "    keepalive_timeout 30s;"
    yield "}"


def _server(plan: EnginePlan) -> Iterator[str]:
    yield f"listen {_at(plan.listen.host, plan.listen.port)}{' ssl' if plan.tls else ''} backlog=2048;"
    if plan.tls is not None:
        yield f"ssl_certificate {_quoted(plan.tls.certificate)};"
        yield f"ssl_certificate_key {_quoted(plan.tls.key)};"
        yield "ssl_protocols TLSv1.2 TLSv1.3;"
        yield "ssl_session_tickets off;"
        yield "ssl_session_cache shared:tokenward_tls:4m;"
        if plan.tls.asks:
            yield "ssl_verify_client optional_no_ca;  # whose a certificate is, the decision judges"
            yield "ssl_verify_depth 9;"
    yield "header_filter_by_lua_block { ngx.header['server'] = nil }"
    for status, those in _BECOMES.items():
        yield f'error_page {" ".join(map(str, those))} ={status} "{_INSIDE}/refused";'
    yield f'location = "{_INSIDE}/refused" {{'
    yield "    internal;"
    yield "    content_by_lua_block { tokenward.refuse(tokenward_problems) }"
    yield "}"
    for how, shown in (("head", False), ("whole", True)):
        yield f'location = "{_INSIDE}/{how}" {{'
        yield from _indented(_decision(how, plan, shown=shown))
        yield "}"
    yield "location @tokenward_gateway {"
    yield from _indented(_gateway(plan))
    yield "}"
    for path in plan.own_paths:
        yield f"location {_quoted(path)} {{"
        yield from _indented(_gateway(plan))
        yield "}"
    for index, api in enumerate(plan.apis):
        if api.mount:  # nginx would send its client to the path with a slash
            yield f"location = {_quoted(unquote(api.mount))} {{"
            yield from _indented(_gateway(plan))
            yield "}"
        yield f"location {_quoted(unquote(api.mount) + '/')} {{"
        yield from _indented(_api(plan, api, index))
        yield "}"
    if all(api.mount for api in plan.apis):
        yield "location / {"
        yield from _indented(_gateway(plan))
        yield "}"


def _decision(how: str, plan: EnginePlan, *, shown: bool) -> Iterator[str]:
    place = plan.decisions
    yield "internal;"
    yield "access_log off;"
    yield "header_filter_by_lua_block { }  # only Lua reads that answer, and it asks for no change"
    yield f"proxy_pass {'https' if place.tls else 'http'}://tokenward_decisions/decide/{how}$request_uri;"
    yield "proxy_method $request_method;"
    yield "proxy_http_version 1.1;"
    yield "proxy_set_header Host $http_host;"
    yield "proxy_set_header Connection $args;  # what it nominates, or nothing"
    yield from _facts()
    yield from _put_away(plan)
    if not shown:
        yield "proxy_pass_request_body off;"
        yield "proxy_set_header Content-Length '';"
    if place.tls:  # beside this file, put there by whoever runs this nginx
        yield "proxy_ssl_certificate engine.crt;"
        yield "proxy_ssl_certificate_key engine.key;"
        yield from _verified(place.host, "gateway-ca.crt")
    yield from (f"proxy_{what}_timeout {DECISION_SECONDS:g}s;" for what in ("connect", "send", "read"))
    # A connection that was closed while idle is no answer; the request went nowhere.
    yield "proxy_next_upstream error;"
    yield "proxy_next_upstream_tries 2;"
    yield f"proxy_next_upstream_timeout {DECISION_SECONDS:g}s;"
    yield "proxy_buffer_size 32k;"
    yield "proxy_buffers 8 32k;"
    yield "proxy_busy_buffers_size 64k;"
    yield "proxy_max_temp_file_size 0;"
    yield f"proxy_ignore_headers {_IGNORED} Set-Cookie Expires Cache-Control Vary;"
    yield f"client_max_body_size {SHOWN_BODY};"


def _verified(name: str, authorities: str = "") -> Iterator[str]:
    """TLS to a server of that name, whose certificate is by one of those authorities, or the system's."""
    paths = ssl.get_default_verify_paths()
    yield f"proxy_ssl_trusted_certificate {_quoted(authorities or paths.cafile or paths.openssl_cafile)};"
    yield "proxy_ssl_verify on;"
    yield "proxy_ssl_verify_depth 9;"
    yield "proxy_ssl_server_name on;"
    yield f"proxy_ssl_name {_quoted(name)};"
    yield "proxy_ssl_protocols TLSv1.2 TLSv1.3;"


def _facts() -> Iterator[str]:
    values = ("$remote_addr", "$tokenward_scheme", "$tokenward_certificate")
    yield from (f"proxy_set_header {name} {value};" for name, value in zip(_FACTS, values, strict=True))


def _put_away(plan: EnginePlan) -> Iterator[str]:
    """What a proxy tells of a certificate is for nobody else (`tokenward.app.certificate_header`)."""
    if plan.proxies.networks and plan.proxies.certificate_header is not None:
        yield f"proxy_set_header {plan.proxies.certificate_header} '';"


def _gateway(plan: EnginePlan) -> Iterator[str]:
    """The gateway's own listener, which decides and forwards."""
    yield "set $tokenward_connection '';"
    yield "set $tokenward_request_id '';  # the log names it, also where there is no API yet"
    yield "rewrite_by_lua_block { tokenward.hand_over() }"
    yield f"proxy_pass {'https' if plan.gateway.tls else 'http'}://tokenward_gateway$request_uri;"
    yield "proxy_http_version 1.1;"
    yield "proxy_set_header Host $http_host;"
    yield "proxy_set_header Connection $tokenward_connection;"
    yield "proxy_set_header Upgrade $http_upgrade;"
    yield "proxy_set_header X-Forwarded-For $remote_addr;"
    yield "proxy_set_header X-Forwarded-Proto $tokenward_scheme;"
    yield from _put_away(plan)
    yield f"proxy_set_header {plan.certificate_header} $tokenward_certificate;"
    if plan.gateway.tls:
        yield from _verified(plan.gateway.host)
    yield from _forwarding(None)
    yield "client_max_body_size 0;  # the gateway has its own bounds"
    yield "proxy_read_timeout 1d;  # likewise"


def _told(plan: EnginePlan, api: ApiPlan) -> str:
    """What Lua is to know of an API (`decide.lua`)."""
    others: dict[str, list[str]] = {}
    for operation in api.operations:
        others.setdefault(operation.method, []).append(operation.pattern)
    behind = bool(plan.proxies.networks)
    certified = (plan.tls is not None and plan.tls.asks) or (
        behind and plan.proxies.certificate_header is not None
    )
    return ", ".join(
        [
            f"name = {_lua(api.name)}",
            f"mount = {_lua(api.mount + '/')}",
            f"base = {_lua(api.base + '/')}",
            *([f"shown = {SHOWN_BODY}"] if api.shows_bodies else []),
            *(["kept = true"] if plan.keeps else []),
            *(["proxied = true"] if behind else []),
            *(["certified = true"] if certified else []),
            *(
                ["others = {" + ", ".join(f"[{_lua(m)}] = {_lua(_any(p))}" for m, p in others.items()) + "}"]
                if others
                else []
            ),
        ]
    )


def _api(plan: EnginePlan, api: ApiPlan, index: int) -> Iterator[str]:
    upstream = f"tokenward_api_{index}"
    # Here and not for the whole server: an error page begins anew there, and is to know them.
    names = ("target", "authorization", "request_id", "traceparent", "tracestate", "told")
    yield from (f"set $tokenward_{name} '';" for name in names)
    yield f"access_by_lua_block {{ tokenward.access(tokenward_apis[{index + 1}]) }}"
    yield "header_filter_by_lua_block { tokenward.told() }"
    yield f"proxy_pass {'https' if api.tls else 'http'}://{upstream}$tokenward_target;"
    yield "proxy_http_version 1.1;"
    yield f"proxy_set_header Host {_quoted(api.upstreams[0].authority)};"
    yield "proxy_set_header Connection '';"
    yield "proxy_set_header Upgrade '';"
    # Whatever the client sent by these names goes nowhere, whatever Lua does.
    yield "proxy_set_header Authorization $tokenward_authorization;"
    yield "proxy_set_header X-Request-Id $tokenward_request_id;"
    yield "proxy_set_header Traceparent $tokenward_traceparent;"
    yield "proxy_set_header Tracestate $tokenward_tracestate;"
    yield "proxy_set_header X-Forwarded-For $remote_addr;"
    yield "proxy_set_header X-Forwarded-Proto $tokenward_scheme;"
    yield "proxy_set_header X-Forwarded-Host $http_host;"
    yield from (f"proxy_set_header {name} '';" for name in _FACTS)
    yield from _put_away(plan)
    if api.tls:
        yield from _verified(api.upstreams[0].host)
    yield from (f"proxy_hide_header {name};" for name in _HIDDEN)
    yield f"proxy_ignore_headers {_IGNORED};"
    yield from _forwarding(api.limits)
    if api.shows_bodies:
        yield f"client_body_buffer_size {SHOWN_BODY};  # what decisions are shown is in no file"


def _forwarding(limits: Limits | None) -> Iterator[str]:
    """Streams both ways: nothing of a body lies in a file."""
    yield "proxy_request_buffering off;"
    yield "proxy_buffering off;"
    yield "proxy_buffer_size 32k;"
    yield "proxy_buffers 8 32k;"
    yield "proxy_busy_buffers_size 64k;"
    # What was sent may have had an effect: only GET and its like, and what nobody got, is tried again.
    yield "proxy_next_upstream error;"
    yield "proxy_next_upstream_tries 2;"
    if limits is None:
        return
    yield f"client_max_body_size {limits.body};"
    yield f"client_body_timeout {_milliseconds(limits.client)};"
    yield f"send_timeout {_milliseconds(limits.client)};"
    yield f"proxy_connect_timeout {_milliseconds(limits.connect)};"
    yield f"proxy_read_timeout {_milliseconds(limits.read)};"
    yield f"proxy_send_timeout {_milliseconds(limits.read)};"


def _any(patterns: Sequence[str]) -> str:
    return f"^(?:{'|'.join(patterns)})$"


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _at(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _address(place: Place) -> str:
    return f"unix:{place.socket}" if place.socket is not None else _at(place.host, place.port)


def _quoted(text: object) -> str:
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _lua(text: str) -> str:
    return json.dumps(text)


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines if line)
