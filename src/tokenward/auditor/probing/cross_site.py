"""Whether a cookie is enough for requests that another site's page makes (CSRF).

A browser adds the cookie by itself, and says where a request comes from in `Origin` and `Sec-Fetch-Site`; a
page without an origin of its own says `null`. A form can send three media types without asking first (Fetch
Standard, "CORS-safelisted request-header"), and some frameworks let a request name another method than its
own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from tokenward.auditor.probing.likeness import Likeness, Verdict
from tokenward.auditor.probing.scene import Scene
from tokenward.auditor.probing.wire import Answer, CannotProbe, Fields, NoAnswer, Shot

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110 §9.2.1)."""

_ELSEWHERE = ("Origin", b"https://evil.example")
_CROSS = ("Sec-Fetch-Site", b"cross-site")
_JSON, _TEXT, _FORM = b"application/json", b"text/plain", b"application/x-www-form-urlencoded"
_FORMS = (_TEXT, _FORM, b"multipart/form-data; boundary=x")
_OVERRIDING = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
_SIMPLE = frozenset({"GET", "HEAD", "POST"})
_WHAT = "requests of other sites (CSRF)"


def is_cookie_enough(scene: Scene, cookie: bytes, *, unsafe: bool) -> None:
    """Act as another site's page would, if the target lets its own page act.

    Args:
        scene: the probe.
        cookie: a good `Cookie` field.
        unsafe: whether methods that change things may be used.
    """
    if not unsafe:
        scene.leave_out(_WHAT, "only a method that changes things shows it: --unsafe-methods")
        return
    base = scene.base
    method = base.method if base.method not in SAFE else "POST"
    shot = Shot(method, base.url, (("Cookie", cookie),), base.body)
    try:
        found = _own_page(scene, shot)
        if found is None:
            return
        good, media = found
        _foreign_pages(scene, shot, media)
        _unsaid(scene, shot, media)
        _overridden(scene, shot, good)
    except NoAnswer as error:
        scene.leave_out(_WHAT, str(error))


def same_origin(url: str) -> Fields:
    """What a browser says of a request by a page of the same origin, if it changes something."""
    parts = urlsplit(url)
    return ("Origin", f"{parts.scheme}://{parts.netloc}".encode()), ("Sec-Fetch-Site", b"same-origin")


def _own_page(scene: Scene, shot: Shot) -> tuple[Answer, bytes] | None:
    """The answer to a page of the same origin, and the media type that was taken; None where none was."""
    answer = None
    for media in (_TEXT, _JSON, _FORM):
        answer = scene.gun.send(_bodied(shot, media).plus(*same_origin(shot.url)))
        if _good(answer):
            return answer, media
    status = answer.status if answer is not None else 0
    scene.leave_out(_WHAT, f"{shot.method} with the cookie is refused even from the same site ({status})")
    return None


def _foreign_pages(scene: Scene, shot: Shot, media: bytes) -> None:
    (_, own), _ = same_origin(shot.url)
    pages: dict[str, tuple[Fields, bytes]] = {
        "from https://evil.example": ((_ELSEWHERE, _CROSS), media),
        "from there, without Sec-Fetch-Site": ((_ELSEWHERE,), media),
        "from the origin `null`": ((("Origin", b"null"), _CROSS), media),
        "from an origin that begins like its own": ((("Origin", own + b".evil.example"), _CROSS), media),
        "without Origin, Sec-Fetch-Site: cross-site": ((_CROSS,), media),
    } | {f"as a form, {form.partition(b';')[0].decode()}": ((_ELSEWHERE, _CROSS), form) for form in _FORMS}
    passed = {}
    for name, (fields, body) in pages.items():
        forged = _bodied(shot, body).plus(*fields)
        if _is_sent(scene, forged) and _good(answer := scene.gun.send(forged)):
            passed[name] = answer.status
    if passed:
        told = f"{shot.method} with the cookie: {'; '.join(passed)}."
        scene.find("probe.cross-site", told, facts={"Answer": _statuses(passed.values())})


def _unsaid(scene: Scene, shot: Shot, media: bytes) -> None:
    """A browser of before 2020, or one behind a proxy that takes fields away."""
    forged = _bodied(shot, media).plus(("Referer", b"https://evil.example/page"))
    if _is_sent(scene, forged) and _good(answer := scene.gun.send(forged)):
        scene.find("probe.origin-unsaid", f"{shot.method} with the cookie: {answer.status}.")


def _overridden(scene: Scene, shot: Shot, good: Answer) -> None:
    """A check that goes by the method, and a method that is named elsewhere afterwards."""
    passed = {}
    for carrier in ("GET", "POST"):
        if carrier == shot.method:
            continue
        plain = replace(shot, method=carrier, body=b"").plus(_ELSEWHERE, _CROSS)
        try:
            likeness = Likeness.learn([good], [scene.gun.send(plain)])
        except CannotProbe:
            continue  # it answers alike to either method
        for name, overriding in _overrides(plain, shot.method):
            if not _is_sent(scene, overriding):
                continue
            answer = scene.gun.send(overriding)
            if likeness.verdict(answer) is Verdict.ACCEPTED:
                passed[f"a {carrier} with {name}"] = answer.status
    if passed:
        told = f"Taken for a {shot.method}: {'; '.join(passed)}."
        scene.find("probe.method-override", told, facts={"Answer": _statuses(passed.values())})


def _overrides(plain: Shot, method: str) -> Iterator[tuple[str, Shot]]:
    for name in _OVERRIDING:
        yield name, plain.plus((name, method.encode()))
    join = "&" if "?" in plain.url else "?"
    yield "`_method` in the query", replace(plain, url=f"{plain.url}{join}_method={method}")
    if plain.method == "POST":
        yield "`_method` in a form", replace(_bodied(plain, _FORM), body=f"_method={method}".encode())


def _is_sent(scene: Scene, forged: Shot) -> bool:
    """Whether a browser sends it for another site's page: at once, or since the target lets it (CORS).

    Other methods, media types and fields than a form's are asked about first (Fetch Standard §4.8).
    """
    fields = {name.lower(): value for name, value in forged.fields}
    named = [name.lower() for name in _OVERRIDING if name.lower() in fields]
    if fields.get("content-type", _TEXT) not in _FORMS:
        named.append("content-type")
    if forged.method in _SIMPLE and not named:
        return True
    origin = fields.get("origin", _ELSEWHERE[1])
    asking = [("Origin", origin), ("Access-Control-Request-Method", forged.method.encode())]
    if named:
        asking.append(("Access-Control-Request-Headers", ",".join(named).encode()))
    answer = scene.gun.send(Shot("OPTIONS", forged.url, tuple(asking)))
    methods, headers = (
        {each.strip().lower() for each in answer.value(f"access-control-allow-{what}").split(",")}
        for what in ("methods", "headers")
    )
    return (
        _good(answer)
        and answer.value("access-control-allow-origin").encode("latin-1") == origin
        and answer.value("access-control-allow-credentials") == "true"
        and (forged.method in _SIMPLE or forged.method.lower() in methods)
        and set(named) <= headers
    )


def _bodied(shot: Shot, media: bytes) -> Shot:
    body = shot.body or (b"{}" if media == _JSON else b"")
    return replace(shot.plus(("Content-Type", media)), body=body)


def _statuses(statuses: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(set(statuses))))


def _good(answer: Answer) -> bool:
    return 200 <= answer.status < 300
