"""What the settings mean together: checks that need more than one value, as a table."""

from collections.abc import Callable, Iterator
from itertools import combinations
from urllib.parse import urlsplit

from tokenward.app.api_settings import LimitSettings
from tokenward.app.browser_consistency import browser_apps_are_clear
from tokenward.app.decision_consistency import decisions_are_private
from tokenward.app.detail_consistency import details_are_clear
from tokenward.app.findings import Remark
from tokenward.app.leak_policy import leaks_are_clear
from tokenward.app.locations import Listen
from tokenward.app.people_consistency import people_get_in
from tokenward.app.pushed_consistency import exceptions_are_clear
from tokenward.app.settings import Settings
from tokenward.app.stranger_consistency import strangers_are_bounded
from tokenward.app.trust_consistency import trust_is_clear
from tokenward.app.weakening import explained
from tokenward.base.addresses import is_loopback
from tokenward.base.documents.source import Keys
from tokenward.leaks.response.reporters import LEAKS_PATH
from tokenward.tokens.workloads import PLATFORMS, why_not_identified

_ANY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound


def inconsistencies(settings: Settings) -> Iterator[Remark]:
    """Everything that does not fit together, in the order of `_CHECKS`."""
    for check in _CHECKS:
        yield from check(settings)


def _admin_is_local(settings: Settings) -> Iterator[Remark]:
    if not settings.admin.listen.is_loopback:
        yield _error(
            ("admin", "listen"),
            "admin-exposed",
            "the admin listener can be reached from other machines",
            "listen on 127.0.0.1, and reach it through a tunnel",
        )


def _listeners_differ(settings: Settings) -> Iterator[Remark]:
    for (first, one), (second, other) in combinations(listeners(settings).items(), 2):
        hosts = {one.host, other.host}
        if one.port == other.port and (len(hosts) == 1 or hosts & _ANY_ADDRESS):
            yield _error(
                (second, "listen"),
                "port-taken",
                f"{first} and {second} listen on the same port",
                "give each server its own port",
            )


def _origins_differ(settings: Settings) -> Iterator[Remark]:
    if settings.issuer.url == settings.gateway.url:
        yield _error(
            ("gateway", "url"),
            "same-origin",
            "the issuer and the gateway have the same URL",
            "give each its own origin: a cookie of the sign-in page must never travel to an API",
        )


def _loopback_urls_lead_here(settings: Settings) -> Iterator[Remark]:
    # Behind a public URL stands somebody's load balancer; plain http on loopback has nobody in between.
    for name, server in (("issuer", settings.issuer), ("gateway", settings.gateway)):
        url = urlsplit(server.url)
        if url.scheme == "http" and (url.port or 80) != server.listen.port:
            yield Remark(
                (name, "url"),
                "warning",
                "url-port",
                f"the {name}'s URL and its listener have different ports",
                "make them agree, unless something in between forwards the one to the other",
            )


def _tls_fits_the_url(settings: Settings) -> Iterator[Remark]:
    for name, server in (("issuer", settings.issuer), ("gateway", settings.gateway)):
        if server.tls is not None and not server.url.startswith("https:"):
            yield _error(
                (name, "tls"),
                "tls",
                f"the {name}'s URL is plain http",
                "write it with https, or leave tls out",
            )


def _certificates_arrive(settings: Settings) -> Iterator[Remark]:
    for name, server in (("issuer", settings.issuer), ("gateway", settings.gateway)):
        wanted = server.client_certificates
        if wanted is None:
            continue
        if wanted.header is not None and not server.proxies:
            yield _error(
                (name, "client_certificates", "header"),
                "client-certificates",
                "nobody is believed what this header says",
                f"name the addresses of the proxies that set it under {name}.proxies",
            )
        elif wanted.header is None and server.tls is None:
            yield _error(
                (name, "client_certificates"),
                "client-certificates",
                "no certificate can arrive here",
                f"let the {name} speak TLS itself, or name the header in which a proxy tells the certificate",
            )


def _lifetimes_nest(settings: Settings) -> Iterator[Remark]:
    tokens = settings.tokens
    if tokens.refresh_idle > tokens.refresh_absolute:
        yield _error(
            ("tokens", "refresh_idle"),
            "lifetimes",
            "an unused refresh token would outlive its absolute end",
            "let refresh_idle be at most refresh_absolute",
        )


def _api_key_lifetimes_nest(settings: Settings) -> Iterator[Remark]:
    if settings.api_keys.lifetime > settings.api_keys.longest:
        yield _error(
            ("api_keys", "lifetime"),
            "lifetimes",
            "API keys would live longer than any may",
            "let lifetime be at most longest",
        )


def _sessions_nest(settings: Settings) -> Iterator[Remark]:
    sessions = settings.people.sessions
    if sessions.idle > sessions.absolute:
        yield _error(
            ("people", "sessions"),
            "lifetimes",
            "a session that nobody uses would outlive its absolute end",
            "let idle be at most absolute",
        )


def _mail_users_have_passwords(settings: Settings) -> Iterator[Remark]:
    mail = settings.mail
    if mail is not None and bool(mail.username) is not (mail.password is not None):
        yield _error(
            ("mail",),
            "mail",
            "there is a username without a password, or the reverse",
            "give both, or neither",
        )


def _apis_exist(settings: Settings) -> Iterator[Remark]:
    if not settings.apis:
        yield Remark(
            ("apis",),
            "warning",
            "no-apis",
            "no API is protected yet: the gateway refuses everything",
            "add one under `apis`; `tokenward protect openapi.yaml --upstream URL` proposes it",
        )


def _apis_are_somewhere(settings: Settings) -> Iterator[Remark]:
    for name, api in settings.apis.items():
        if bool(api.upstream) == bool(api.url):
            yield _error(
                ("apis", name),
                "api-place",
                f"{name} has both an upstream and a URL of its own"
                if api.url
                else f"nobody knows where {name} is",
                "give it an `upstream`, to which the gateway passes calls on, or a `url`, at which it "
                "protects itself with the middleware",
            )
        elif api.url and api.mount:
            yield _error(
                ("apis", name, "mount"),
                "api-place",
                f"{name} is not at the gateway, so it has no mount there",
                "remove it: the path is part of `url`",
            )
        elif api.url and settings.origin(name) in {settings.issuer.url, settings.gateway.url}:
            yield _error(
                ("apis", name, "url"),
                "same-origin",
                f"{name} has the origin of the issuer or of the gateway",
                "give it its own: whoever answers there must be one program",
            )


def _only_the_gateway_bounds(settings: Settings) -> Iterator[Remark]:
    for name, api in settings.apis.items():
        bounded = api.bounds or any(operation.bounds for operation in api.operations.values())
        if api.url and (api.health or bounded):
            yield _error(
                ("apis", name, "health" if api.health else "bounds" if api.bounds else "operations"),
                "gateway-only",
                f"{name} protects itself, and nobody but the gateway checks health, or bounds size and time",
                "remove it here, and set what the application's own server has for that",
            )


def _mounts_are_apart(settings: Settings) -> Iterator[Remark]:
    for first, second in combinations((name for name, api in settings.apis.items() if not api.url), 2):
        one, other = f"{settings.mount(first)}/", f"{settings.mount(second)}/"
        if one.startswith(other) or other.startswith(one):
            keys = ("apis", second, "mount") if settings.apis[second].mount else ("apis", second)
            same = one == other
            yield _error(
                keys,
                "mount",
                f"{first} and {second} have the same mount"
                if same
                else f"the mounts of {first} and {second} overlap",
                "let no mount be the beginning of another",
            )


def _audiences_differ(settings: Settings) -> Iterator[Remark]:
    seen = {settings.issuer.url: "the issuer", settings.issuer.url + LEAKS_PATH: "the endpoint for leaks"}
    for name in settings.apis:
        other = seen.setdefault(settings.audience(name), name)
        if other != name:
            yield _error(
                ("apis", name, "audience"),
                "audience",
                f"{other} and {name} have the same audience: a token for one would open the other",
                "give each API its own audience",
            )


def _upstreams_are_elsewhere(settings: Settings) -> Iterator[Remark]:
    own = {listen.port: name for name, listen in listeners(settings).items()}
    for name, address in ((name, it) for name, api in settings.apis.items() for it in api.upstream):
        url = urlsplit(address)
        host = url.hostname or ""
        port = url.port or (443 if url.scheme == "https" else 80)
        if is_loopback(host) and port in own:
            yield _error(
                ("apis", name, "upstream"),
                "upstream-loop",
                f"the upstream of {name} is the {own[port]} listener itself",
                "name the address of the API behind the gateway",
            )
        elif url.scheme == "http" and not is_loopback(host):
            yield Remark(
                ("apis", name, "upstream"),
                "warning",
                "plain-http",
                f"calls to {name} travel from the gateway in plain text",
                "use https, unless something below encrypts and authenticates that line",
            )


def _collector_is_told_no_secret_in_the_open(settings: Settings) -> Iterator[Remark]:
    traces = settings.gateway.traces
    if traces is None or traces.authorization is None:
        return
    url = urlsplit(traces.endpoint)
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        yield _error(
            ("gateway", "traces", "authorization"),
            "plain-http",
            "what authorizes us at the collector would travel in plain text",
            "use https, or a collector on this machine",
        )


def _exchanges_are_clear(settings: Settings) -> Iterator[Remark]:
    seen = set()
    for number, rule in enumerate(settings.exchange):
        for key, api in (("subject_api", rule.subject_api), ("target_api", rule.target_api)):
            if api not in settings.apis:
                yield _error(
                    ("exchange", number, key),
                    "exchange",
                    "there is no API of this name",
                    "name one of `apis`",
                )
        if not rule.scopes:
            yield _error(
                ("exchange", number, "scopes"), "exchange", "tokens that allow nothing", "name scopes"
            )
        same = (rule.client, rule.subject_api, rule.target_api)
        if same in seen:
            yield _error(
                ("exchange", number),
                "exchange",
                "another rule is for the same client and the same two APIs",
                "keep one of them, so that it is clear what may be exchanged",
            )
        seen.add(same)


def _workloads_are_identified(settings: Settings) -> Iterator[Remark]:
    seen = set()
    for number, each in enumerate(settings.workload_identity):
        keys = ("workload_identity", number)
        if not each.trusted_issuer:
            yield _error((*keys, "issuer"), "workload", "nothing says who the issuer is", "add its `iss`")
        if each.trusted_issuer in seen or each.trusted_issuer == settings.issuer.url:
            yield _error(keys, "workload", "this issuer is named twice, or is ours", "keep one of them")
        seen.add(each.trusted_issuer)
        if each.jwks is not None and each.jwks_uri is not None:
            yield _error((*keys, "jwks"), "workload", "there are two places for its keys", "keep one of them")
        for place, rule in enumerate(each.rules):
            if why := why_not_identified(PLATFORMS[each.platform], rule.claims.rules):
                yield _error(
                    (*keys, "rules", place, "claims"),
                    "workload",
                    why,
                    "name the owner and the project, such as {repository: octo/app}, or their ids",
                )


def _limits_are_shared(settings: Settings) -> Iterator[Remark]:
    """SQLite is for one machine and one gateway process; behind another store there may be several."""
    if settings.redis is not None or settings.store.startswith("sqlite:"):
        return
    for keys, limits in _limits(settings):
        if limits:
            rates = ", ".join(f"N × {limit.amount}" for limit in limits)
            yield Remark(
                keys,
                "warning",
                "limits-not-shared",
                f"each gateway process counts for itself: N of them together let {rates} pass",
                "name a Redis server under `redis`, unless a single gateway process runs",
            )


def _limits(settings: Settings) -> Iterator[tuple[Keys, tuple[LimitSettings, ...]]]:
    for name, api in settings.apis.items():
        yield ("apis", name, "limits"), api.limits
        for operation, own in api.operations.items():
            yield ("apis", name, "operations", operation, "limits"), own.limits


def _redis_is_private(settings: Settings) -> Iterator[Remark]:
    url = urlsplit(settings.redis or "")
    if url.scheme == "redis" and not is_loopback(url.hostname or ""):
        yield Remark(
            ("redis",),
            "warning",
            "plain-redis",
            "what is told to Redis travels in plain text, and nobody proves who answers",
            "use rediss, unless something below encrypts and authenticates that line",
        )


_CHECKS: tuple[Callable[[Settings], Iterator[Remark]], ...] = (
    _admin_is_local,
    _listeners_differ,
    _origins_differ,
    _loopback_urls_lead_here,
    _tls_fits_the_url,
    _certificates_arrive,
    _lifetimes_nest,
    _api_key_lifetimes_nest,
    _sessions_nest,
    _mail_users_have_passwords,
    _apis_exist,
    _apis_are_somewhere,
    _only_the_gateway_bounds,
    _mounts_are_apart,
    _audiences_differ,
    _upstreams_are_elsewhere,
    _collector_is_told_no_secret_in_the_open,
    _exchanges_are_clear,
    details_are_clear,
    leaks_are_clear,
    _workloads_are_identified,
    _limits_are_shared,
    _redis_is_private,
    trust_is_clear,
    people_get_in,
    exceptions_are_clear,
    browser_apps_are_clear,
    strangers_are_bounded,
    explained,
    decisions_are_private,
)


def listeners(settings: Settings) -> dict[str, Listen]:
    """Where servers listen, by the name that their sockets have."""
    decisions = settings.gateway.decisions.listen
    return {
        "issuer": settings.issuer.listen,
        "gateway": settings.gateway.listen,
        "admin": settings.admin.listen,
        **({"decisions": decisions} if decisions is not None else {}),
    }


def _error(keys: tuple[str | int, ...], code: str, text: str, remedy: str) -> Remark:
    return Remark(keys, "error", code, text, remedy)
