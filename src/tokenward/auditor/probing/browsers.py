"""What browsers and caches are allowed to do with an answer that a credential was needed for."""

from urllib.parse import urlsplit

from tokenward.auditor.probing.likeness import Verdict
from tokenward.auditor.probing.scene import Scene
from tokenward.auditor.probing.wire import Answer, NoAnswer, Shot
from tokenward.base.entropy import random_base62

_ELSEWHERE = "https://evil.example"
# RFC 9111 §3.5: with one of these a shared cache may store the answer to a request with `Authorization`.
_SHARED = ("public", "s-maxage", "must-revalidate")
_NOT_SHARED = ("no-store", "private", "no-cache", "s-maxage=0")


def may_others_read(scene: Scene) -> None:
    """Whether pages of other origins may read answers with credentials (CORS)."""
    host = urlsplit(scene.base.url).netloc
    origins = {
        "any origin": _ELSEWHERE,
        "the origin `null`": "null",
        "an origin that begins like its own": f"https://{host}.evil.example",
    }
    allowed = []
    for name, origin in origins.items():
        try:
            answer = scene.gun.send(scene.bear(scene.base).instead(("Origin", origin.encode())))
        except NoAnswer:
            continue
        named = answer.value("access-control-allow-origin").strip()
        if named == origin and answer.value("access-control-allow-credentials").strip().lower() == "true":
            allowed.append(name)
    if allowed:
        scene.find("probe.cors", f"It allows {', '.join(allowed)}, with credentials.")


def may_caches_share(scene: Scene) -> None:
    """Whether a shared cache may keep the answer to a good token (RFC 9111 §3.5)."""
    answer = scene.gun.accepted
    told = _directives(answer)
    vary = {name.strip().lower() for name in answer.value("vary").split(",")}
    if any(name in told for name in _NOT_SHARED) or {"authorization", "*"} & vary:
        return
    if any(each.partition("=")[0] in _SHARED for each in told):
        scene.find("probe.shared-cache", f"Cache-Control: {answer.value('cache-control')[:200]}")


def are_callers_mixed(scene: Scene) -> None:
    """Whether a second user is told about the first, who asked a moment ago."""
    first, second = (f"probe-{random_base62(12)}" for _ in range(2))
    try:
        answers = [scene.gun.send(scene.base.bearing(scene.signed(sub=name))) for name in (first, second)]
    except NoAnswer:
        return
    if first in answers[0].text and first in answers[1].text:
        scene.find("probe.mixed-callers", "The second of two users was told about the first.")


def is_other_user_told(scene: Scene, other: Shot) -> None:
    """Whether another user's token gets the very answer that the first one gets (BOLA)."""
    try:
        mine, theirs = scene.gun.send(scene.bear(scene.base)), scene.gun.send(other)
    except NoAnswer:
        return
    if scene.gun.likeness.verdict(theirs) is Verdict.ACCEPTED and theirs.body == mine.body:
        scene.find("probe.other-user", "The other token got the same answer, byte for byte.")


def _directives(answer: Answer) -> list[str]:
    return [each.strip().lower() for each in answer.value("cache-control").split(",") if each.strip()]
