"""What signs people in at one provider, put together: for an application, or the gateway's browser apps."""

from dataclasses import dataclass

from tokenward.base.cookies import cookie, wants_secure
from tokenward.client.authentication import Authentication
from tokenward.client.server import Server
from tokenward.client.web.provider import Provider
from tokenward.client.web.routes import Names, Routes
from tokenward.client.web.sealed import AppKey
from tokenward.client.web.sessions import Sessions
from tokenward.client.web.store import SessionStore
from tokenward.client.web.under_way import UnderWay
from tokenward.flows.login import RelyingParty, safe_next


@dataclass(frozen=True, slots=True)
class Place:
    """Where it answers, and for how long sessions last.

    Attributes:
        url: the origin under which the world knows it.
        path: below which the paths are; of its own for each provider (RFC 9700 §4.4.2.2).
        idle: seconds without a request after which a session ends.
        lifetime: seconds after which it ends in any case.
        after_sign_out: where people are after they signed out; a path.
        names: what the paths are called.
    """

    url: str
    path: str
    idle: float
    lifetime: float
    after_sign_out: str = "/"
    names: Names = Names()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class Demands:
    """What every sign-in is asked for.

    Attributes:
        max_age: how many seconds ago a person may have signed in at the provider, or None.
        acr_values: how well they must have, the best first.
        prompt: what the provider should do each time, or "".
        userinfo: whether claims are asked of the userinfo endpoint as well.
    """

    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    prompt: str = ""
    userinfo: bool = False


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that others talk to."""

    provider: Provider
    sessions: Sessions
    routes: Routes


def assembled(
    server: Server,
    party: RelyingParty,
    authentication: Authentication,
    *,
    store: SessionStore,
    app_key: AppKey,
    place: Place,
    demands: Demands,
    name: str,
    grants_apart: bool = False,
) -> Parts:
    """Put it together. Nothing is fetched yet.

    Args:
        server: the provider.
        party: who asks it for sign-ins.
        authentication: how that is proved.
        store: where sessions are kept.
        app_key: what seals them, and sign-ins under way.
        place: where it answers.
        demands: what sign-ins are asked for.
        name: of the cookies: two of these at one origin must not take each other's.
        grants_apart: whether the provider keeps what came of each sign-in apart, as `Sessions` has it.

    Raises:
        ValueError: the place is plain http, and not on this machine.
    """
    clock, secure = server.own_clock, wants_secure(place.url)
    provider = Provider(server, party, authentication, userinfo=demands.userinfo)
    sessions = Sessions(
        store,
        cookie=cookie(f"tokenward-{name}", secure=secure),
        app_key=app_key,
        server=server,
        party=party,
        authentication=authentication,
        revoke=provider.revoke,
        grants_apart=grants_apart,
        idle=place.idle,
        lifetime=place.lifetime,
        clock=clock,
    )
    routes = Routes(
        place.url,
        place.path,
        names=place.names,
        provider=provider,
        sessions=sessions,
        under_way=UnderWay(
            f"tokenward-{name}-login", secure=secure, app_key=app_key, party=party, clock=clock
        ),
        max_age=demands.max_age,
        acr_values=demands.acr_values,
        prompt=demands.prompt,
        after_sign_out=safe_next(place.after_sign_out),
        clock=clock,
    )
    return Parts(provider, sessions, routes)
