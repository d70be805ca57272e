"""What the settings of browser apps mean together: each cookie has one meaning, each session one store."""

from collections.abc import Iterator
from itertools import combinations

from tokenward.app.browser_settings import BrowserAppSettings
from tokenward.app.findings import Remark
from tokenward.app.settings import Settings
from tokenward.base.documents.source import Keys


def browser_apps_are_clear(settings: Settings) -> Iterator[Remark]:
    """Everything about `browser_apps` that does not fit together."""
    for name, app in settings.browser_apps.items():
        place: Keys = ("browser_apps", name)
        yield from _client(place, app)
        yield from _origin(settings, place, app)
        yield from _apis(settings, place, app)
    yield from _apart(settings)


def app_origin(settings: Settings, app: BrowserAppSettings) -> str:
    """Where its pages are."""
    return app.url or settings.gateway.url


def _client(place: Keys, app: BrowserAppSettings) -> Iterator[Remark]:
    if (app.client_secret is None) is (app.private_key is None):
        yield _error(
            place,
            "there is no way, or more than one, to authenticate at the provider",
            "name one of client_secret and private_key: the gateway can keep it, and a page could not",
        )
    if "openid" not in app.scopes:
        yield _error(
            (*place, "scopes"), "without openid it tells nobody who signed in", "add openid to the scopes"
        )
    if app.idle > app.absolute:
        yield _error(
            (*place, "idle"),
            "a session that nobody uses would outlive its absolute end",
            "let idle be at most absolute",
        )


def _origin(settings: Settings, place: Keys, app: BrowserAppSettings) -> Iterator[Remark]:
    if app.url == settings.issuer.url:
        yield _error(
            (*place, "url"),
            "its pages would have the origin of the sign-in page",
            "give them the gateway's, or one of their own",
        )
    for api in settings.apis:
        mount = settings.mount(api)
        if settings.apis[api].url is None and mount and _overlap(app.path, mount):
            yield _error(
                (*place, "path"), f"the mount of {api} overlaps with it", "choose another path, such as /bff"
            )


def _apis(settings: Settings, place: Keys, app: BrowserAppSettings) -> Iterator[Remark]:
    if not app.apis:
        yield _error((*place, "apis"), "its sessions are good nowhere", "name an API")
    own = app.issuer in {None, settings.issuer.url}
    for api in app.apis[1:] if own else ():
        rules = [
            rule
            for rule in settings.exchange
            if (rule.client, rule.subject_api, rule.target_api) == (app.client_id, app.apis[0], api)
        ]
        if not rules or rules[0].actor == "token":
            yield _error(
                (*place, "apis"),
                f"a token of our own issuer is for one API, and {app.client_id} may not exchange those for "
                f"{app.apis[0]} for others for {api}",
                f"let it: exchange: [{{client: {app.client_id}, subject_api: {app.apis[0]}, "
                f"target_api: {api}, scopes: [...]}}]",
            )
    for api in app.apis:
        said = settings.apis.get(api)
        if said is None:
            yield _error((*place, "apis"), f"there is no API {api}", "name one of `apis`")
        elif said.url is not None:
            yield _error(
                (*place, "apis"),
                f"{api} protects itself, and sessions are the gateway's",
                "let the gateway pass its calls on (`upstream`)",
            )
        elif not (said.own_issuer if own else any(_trusts(source, app.issuer) for source in said.trust)):
            yield _error(
                (*place, "apis"),
                f"{api} does not take tokens of {'our own issuer' if own else app.issuer}",
                "name the issuer under `trust` of the API",
            )


def _trusts(source: object, issuer: str | None) -> bool:
    named = (getattr(source, kind) for kind in ("jwt", "introspection"))
    return any(each is not None and each.issuer == issuer for each in named)


def _apart(settings: Settings) -> Iterator[Remark]:
    for (first, one), (second, other) in combinations(settings.browser_apps.items(), 2):
        if app_origin(settings, one) != app_origin(settings, other):
            continue
        if _overlap(one.path, other.path):
            yield _error(
                ("browser_apps", second, "path"),
                f"{first} and {second} have the same origin, and paths that overlap",
                "give each a path of its own",
            )
        for api in sorted({*one.apis} & {*other.apis}):
            yield _error(
                ("browser_apps", second, "apis"),
                f"at {api}, a session could be one of {first} or of {second}",
                "give the applications origins of their own (`url`), or let one of them call the API",
            )


def _overlap(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _error(keys: Keys, text: str, remedy: str) -> Remark:
    return Remark(keys, "error", "browser-app", text, remedy)
