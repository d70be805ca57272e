"""The two server processes: the issuer with the admin listener beside it, and the gateway.

They share nothing but the database, and meet through its revocation feed. Any number of each may run.
"""

import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from urllib.parse import urlsplit

from starlette.applications import Starlette

from tokenward.app.admin import admin_app
from tokenward.app.browser_apps import browser_apps
from tokenward.app.certificate_files import server_tls, takes_certificates_itself
from tokenward.app.config import Configuration
from tokenward.app.decision_listener import decision_listener
from tokenward.app.decision_log import DecisionLog
from tokenward.app.exchange_log import exchange_log
from tokenward.app.foundation import Foundation, StoreResolver, foundation
from tokenward.app.leak_notices import leak_tellers
from tokenward.app.leaks import leaks_app
from tokenward.app.limit_counters import limit_counters
from tokenward.app.listener import GRACE_SECONDS, Listener
from tokenward.app.metrics import counted, report_lag, report_memory
from tokenward.app.notices import tellers
from tokenward.app.people import branding_of, passwords_of, session_limits
from tokenward.app.platforms import workloads
from tokenward.app.post import post
from tokenward.app.providers import providers
from tokenward.app.registered_certificates import trust_registered
from tokenward.app.rollout_check import unguarded
from tokenward.app.server_settings import GatewayServer, OutwardServer
from tokenward.app.serving_all import serve_all
from tokenward.app.settings import Settings
from tokenward.app.strangers import document_clients, fetch_outside
from tokenward.app.tls import ServerTls
from tokenward.app.trust import trusting
from tokenward.app.upstream_metrics import report_upstreams
from tokenward.app.uses import note_uses
from tokenward.base.addresses import LOOPBACK, is_loopback
from tokenward.base.asgi import App, Receive, Scope, Send
from tokenward.base.outbound import OutboundClient
from tokenward.base.rates import Counters, MemoryCounters
from tokenward.gateway.access import AccessRequest, Decision
from tokenward.gateway.doors.decisions import CERTIFICATE
from tokenward.gateway.doors.proxy import ProxyDoor
from tokenward.gateway.engine import Engine
from tokenward.gateway.inside import InsideMinter
from tokenward.gateway.outside import OutsideJwts
from tokenward.gateway.proofs import Proofs
from tokenward.gateway.resource_metadata import ResourceMetadata
from tokenward.identity.outbox import Outbox
from tokenward.identity.room import Identity
from tokenward.issuer.access_jwt import ACCESS_TOKEN_ALGORITHM
from tokenward.issuer.asgi import ROUTES, IssuerApp
from tokenward.issuer.back_channel import BackChannel, sending
from tokenward.issuer.client_keys import Fetch
from tokenward.issuer.context import Issuer
from tokenward.issuer.key_notices import tell_forever
from tokenward.issuer.known_answers import KnownAnswers
from tokenward.leaks.response.finishing import finish_forever
from tokenward.leaks.response.telling import tell_forever as tell_of_leaks
from tokenward.store.feed import FeedFollower
from tokenward.store.key_orders import rotate_forever
from tokenward.store.key_ring import KeyRing
from tokenward.store.port import Store
from tokenward.store.published_keys import PublishedKeys
from tokenward.store.records import FeedEvent, KeyPurpose
from tokenward.store.sweeper import sweep_forever
from tokenward.store.usage import UsageLog
from tokenward.tokens.jwks import MAX_BYTES

_log = logging.getLogger("tokenward.server")

INSIDE_PATH = "/.well-known/tokenward"


async def serve_issuer(
    configuration: Configuration, sockets: Mapping[str, socket.socket], on_ready: Callable[[], None]
) -> None:
    """Serve the issuer and the admin listener until told to stop; sweep and rotate keys meanwhile."""
    async with foundation(configuration) as ground, limit_counters(configuration) as counters:
        usage = UsageLog(ground.store, ground.clock)
        issuer, follower, outbox, back_channel = await issuer_app(ground, usage, counters)
        rotate_after = configuration.settings.signing_keys.rotate_after
        tls = server_tls(configuration.settings.issuer, configuration.base_dir, configuration.files)
        await serve_all(
            [
                _outward(issuer, sockets["issuer"], configuration.settings.issuer, tls),
                Listener(admin_app(ground), sockets["admin"], streams=False),
            ],
            beside=[
                follower.run(),
                outbox.run(),
                back_channel.run(),
                usage.run(),
                sweep_forever(ground.store, clock=ground.clock),
                rotate_forever(ground.key_desk, rotate_after=rotate_after),
                *_trusting(ground.store, configuration.settings.issuer, tls),
                *_telling(ground),
                finish_forever(ground.store, clock=ground.clock),
            ],
            follower=follower,
            on_ready=on_ready,
        )


async def serve_gateway(
    configuration: Configuration, sockets: Mapping[str, socket.socket], on_ready: Callable[[], None]
) -> None:
    """Serve the gateway until told to stop, following the revocation feed."""
    async with foundation(configuration) as ground, limit_counters(configuration) as counters:
        engine, follower, beside = await deciding(ground, "proxy", counters)
        apps = browser_apps(ground)
        engine.policy = apps.admitted(engine.policy)
        exchanges = exchange_log(configuration)
        door = ProxyDoor(engine, exchanged=exchanges.gather, clock=ground.clock)
        tls = server_tls(configuration.settings.gateway, configuration.base_dir, configuration.files)
        asked = [
            decision_listener(engine, configuration, sock)
            for name, sock in sockets.items()
            if name == "decisions"
        ]
        try:
            await serve_all(
                [
                    _outward(
                        apps.before(door), sockets["gateway"], configuration.settings.gateway, tls, door=door
                    ),
                    *asked,
                ],
                beside=[
                    *beside,
                    exchanges.run(),
                    report_upstreams(door.upstreams),
                    door.watch_upstreams(),
                    door.watch_running(),
                    *_trusting(ground.store, configuration.settings.gateway, tls),
                ],
                follower=follower,
                on_ready=on_ready,
            )
        finally:
            await door.close()


async def issuer_app(
    ground: Foundation, usage: UsageLog, counters: Counters | None = None
) -> tuple[App, FeedFollower, Outbox, BackChannel]:
    """The issuer's endpoints and the identity room's pages, behind one look at the path.

    And what runs beside: the follower of the feed, without which it signs nothing, since its keys may have
    been removed; letters to people, and logouts that applications are told of.
    """
    ring = await ground.key_ring("outside", fresh=lambda: follower.confirmed)
    answers = KnownAnswers(fresh=lambda: follower.confirmed)
    reload = _reloading(ring, "outside")

    def on_event(event: FeedEvent) -> Awaitable[None] | None:
        answers.on_event(event)
        return reload(event)

    def on_gap() -> Awaitable[None]:
        answers.clear()
        return ring.load()

    follower = FeedFollower(ground.store, on_event=on_event, on_gap=on_gap, clock=ground.clock)
    settings = ground.configuration.settings
    identity = Identity(
        store=ground.store,
        peppers=ground.peppers,
        sealer=ground.sealer("sign-in"),
        issuer_url=settings.issuer.url,
        name=settings.name,
        words=ground.issuer_settings.in_words,
        clock=ground.clock,
        passwords=passwords_of(ground.configuration),
        limits=session_limits(settings),
        branding=branding_of(ground.configuration),
        post=post(ground.configuration),
        password_sign_in=settings.people.passwords,
        upstream=providers(ground.configuration, ground.clock),
    )
    identity.pages.read_all()
    endpoints = IssuerApp(
        Issuer(
            settings=ground.issuer_settings,
            store=ground.store,
            peppers=ground.peppers,
            pairwise_key=ground.pairwise_key,
            signing_keys=ring,
            sign_in=identity.sign_in,
            pages=identity.pages,
            sealer=ground.sealer("authorize"),
            dpop=ground.dpop("issuer"),
            known_answers=answers,
            fetch=fetch_for_clients(settings),
            fetch_keys=fetch_outside(settings, MAX_BYTES).get_async,
            documents=document_clients(ground),
            workloads=workloads(ground.configuration, ground.clock),
            usage=usage,
            counters=counters or MemoryCounters(ground.clock),
            clock=ground.clock,
        )
    )
    leaks = leaks_app(ground, publishes=ring.publishes)
    pages = Starlette(routes=identity.routes)
    pages.router.redirect_slashes = False  # it would redirect to whatever the Host header says

    paths = frozenset(route.path for route in identity.routes)

    def dispatch(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        path = scope["path"]
        chosen: App = pages if path in paths else leaks if path in leaks.paths else endpoints
        return chosen(scope, receive, send)

    app = counted(dispatch, paths | frozenset(ROUTES) | frozenset(leaks.paths))
    back_channel = BackChannel(
        ground.store,
        settings.issuer.url,
        ground.pairwise_key,
        ring,
        sending(_reaching_clients(settings)),
        clock=ground.clock,
    )
    return app, follower, identity.outbox, back_channel


async def deciding(
    ground: Foundation, door: str, counters: Counters, *, origin: str | None = None
) -> tuple[Engine, FeedFollower, list[Coroutine[None, None, None]]]:
    """An engine that logs and counts its decisions as those of a door, and all that has to run beside it.

    The follower is among that. What engines in front ask is told as theirs. `origin` as for `gateway_engine`.
    """
    for name in unguarded(ground.configuration, ground.clock):
        _log.warning("nothing is enforced at %s until its report_only ends", name)
    decisions, usage = DecisionLog(door, clock=ground.clock), UsageLog(ground.store, ground.clock)
    asked = DecisionLog("engine", clock=ground.clock)

    def observe(request: AccessRequest, decision: Decision, seconds: float) -> None:
        (asked if request.by_engine else decisions).record(decision, seconds)
        note_uses(usage, request, decision)

    engine, follower = await gateway_engine(ground, observe, counters, origin=origin)
    beside = [
        follower.run(),
        decisions.run(),
        asked.run(),
        usage.run(),
        report_lag(lambda: follower.lag),
        report_memory(engine),
    ]
    return engine, follower, beside


async def gateway_engine(
    ground: Foundation,
    observe: Callable[[AccessRequest, Decision, float], None] | None = None,
    counters: Counters | None = None,
    *,
    origin: str | None = None,
) -> tuple[Engine, FeedFollower]:
    """The decision function over this configuration's policy, and the follower that keeps it honest.

    Until the follower runs, and whenever it loses the feed, the engine refuses to judge credentials.
    `origin` is where it decides, if not at the gateway.
    """
    settings = ground.configuration.settings
    origin = origin or settings.gateway.url
    ring = await ground.key_ring("inside", fresh=lambda: follower.confirmed)
    outside_keys = PublishedKeys(ground.store, "outside", clock=ground.clock)
    proofs = Proofs(ground.dpop("gateway"), origin)
    engine = Engine(
        trusting(ground.configuration, ground.clock),
        StoreResolver(
            ground.store,
            ground.peppers,
            ground.pairwise_key,
            ground.inside_releases,
            ground.step_up_audiences,
            ground.clock,
        ),
        InsideMinter(
            ring,
            settings.gateway.url + INSIDE_PATH,
            ground.clock,
            protections=ground.configuration.protections,
        ),
        fresh=lambda: follower.confirmed,
        outside=OutsideJwts(
            issuer=settings.issuer.url,
            audiences=[api.audience for api in ground.configuration.policy.apis],
            keys=outside_keys,
            algorithm=ACCESS_TOKEN_ALGORITHM,
            clock=ground.clock,
        ),
        proofs=proofs,
        resources=ResourceMetadata(
            origin=origin,
            issuer=settings.issuer.url,
            proof_algorithms=proofs.algorithms,
            certificates=origin == settings.gateway.url and settings.gateway.client_certificates is not None,
        ),
        counters=counters,
        https=settings.gateway.url.startswith("https:"),
        kept=settings.gateway.decisions.cache or 0,
        observe=observe,
        clock=ground.clock,
    )
    await outside_keys.load()
    reloads = (_reloading(ring, "inside"), _reloading(outside_keys, "outside"))

    async def reload(event: FeedEvent) -> None:
        for each in reloads:
            pending = each(event)
            if pending is not None:
                await pending
        engine.verified.clear()  # a JWT among them may have been signed with a key that is removed now

    def on_event(event: FeedEvent) -> Awaitable[None] | None:
        if event.revoked == "signing_keys":
            return reload(event)
        engine.verified.on_event(event)
        return None

    async def on_gap() -> None:
        await ring.load()
        await outside_keys.load()
        engine.verified.clear()

    follower = FeedFollower(ground.store, on_event=on_event, on_gap=on_gap, clock=ground.clock)
    return engine, follower


def fetch_for_clients(settings: Settings) -> Fetch:
    """Gets what a client's registration points to."""
    return _reaching_clients(settings).get_async


def _reaching_clients(settings: Settings) -> OutboundClient:
    """Reaches what clients are registered with; inside networks only where the operator named them."""
    loopback = is_loopback(urlsplit(settings.issuer.url).hostname or "")
    networks = (*settings.clients.inside_networks, *(LOOPBACK if loopback else ()))
    return OutboundClient(allow=networks, https_only=not loopback, max_bytes=MAX_BYTES)


def _reloading(
    keys: KeyRing | PublishedKeys, purpose: KeyPurpose
) -> Callable[[FeedEvent], Awaitable[None] | None]:
    """Loads the keys anew at each event that concerns them."""

    def on_event(event: FeedEvent) -> Awaitable[None] | None:
        return keys.load() if (event.revoked, event.subject) == ("signing_keys", purpose) else None

    return on_event


def _outward(
    app: App,
    sock: socket.socket,
    server: OutwardServer,
    tls: ServerTls | None,
    *,
    door: ProxyDoor | None = None,
) -> Listener:
    """A listener for the world outside, as the configuration wants it; `door` where that is the gateway."""
    certificates, header = server.client_certificates, None
    behind_engine = sock.family == socket.AF_UNIX
    if certificates is not None:
        header = CERTIFICATE.decode() if behind_engine else certificates.header
    return Listener(
        app,
        sock,
        streams=door is not None,
        proxies=server.proxies,
        tls=None if behind_engine else tls,  # the engine speaks it
        certificate_header=header,
        grace=server.drain if isinstance(server, GatewayServer) else GRACE_SECONDS,
        websockets=door is not None,
        on_stop=door.leave if door is not None else lambda: None,
    )


def _telling(ground: Foundation) -> list[Coroutine[None, None, None]]:
    """Tells owners that their API keys end, and of leaks, if there is a way to."""
    ways = tellers(ground.configuration)
    days = ground.configuration.settings.api_keys.notices.days
    of_leaks = leak_tellers(ground.configuration)
    return [
        *([tell_forever(ground.store, ways, days, clock=ground.clock)] if ways else []),
        *([tell_of_leaks(ground.store, of_leaks, clock=ground.clock)] if of_leaks else []),
    ]


def _trusting(
    store: Store, server: OutwardServer, tls: ServerTls | None
) -> list[Coroutine[None, None, None]]:
    """What a listener needs beside it that asks clients for certificates itself."""
    return [trust_registered(store, tls)] if tls is not None and takes_certificates_itself(server) else []
