"""Tokens that are bound to a key (DPoP, RFC 9449) or a certificate (RFC 8705), with what is not theirs."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tokenward.auditor.attacks.kit import b64
from tokenward.auditor.probing.callers import Caller
from tokenward.auditor.probing.firing import Trial
from tokenward.auditor.probing.holder import Holder
from tokenward.auditor.probing.likeness import Verdict
from tokenward.auditor.probing.scene import ABSENT, Scene
from tokenward.auditor.probing.wire import NoAnswer, Shot, carried

Token = Callable[[], str]


def bound_by(scene: Scene, holder: Holder) -> Token:
    """Tokens of the test issuer that are bound to the holder's key."""
    return lambda: scene.signed(cnf={"jkt": holder.thumbprint})


def are_proofs_checked(scene: Scene, holder: Holder, token: Token) -> Iterator[Trial]:
    """Trials with bound tokens; none where the target takes no good proof either."""
    base = replace(scene.base, holder=holder)
    try:
        answer = scene.gun.send(base.bearing(token()))
    except NoAnswer:
        return
    if scene.gun.likeness.verdict(answer) is not Verdict.ACCEPTED:
        scene.leave_out(
            "tokens bound by DPoP", f"the target takes none, not even with a good proof ({answer.status})"
        )
        return
    now = int(scene.now())
    other = "https://evil.example/"
    changes: dict[str, dict[str, Any]] = {
        "by another key": {"stranger": True},
        "for another method": {"htm": "DELETE" if base.method != "DELETE" else "GET"},
        "for another address": {"htu": other},
        "for another path": {"htu": f"{base.url.partition('?')[0]}/other"},
        "for another token": {"ath": b64(hashlib.sha256(b"another").digest())},
        "without the token's hash": {"ath": ABSENT},
        "an hour old": {"iat": now - 3600},
        "from tomorrow": {"iat": now + 86_400},
        "without a time": {"iat": ABSENT},
        "without a name of its own": {"jti": ABSENT},
        "called a JWT": {"typ": "JWT"},
    }
    for name, change in changes.items():
        yield Trial("probe.dpop-proof", name, _presented(base, token, **change), malformed=True)
    yield Trial("probe.dpop-proof", "two of them", _presented(base, token, proofs=2), malformed=True)
    downgrades: dict[str, dict[str, Any]] = {
        "scheme DPoP, no proof": {"proofs": 0},
        "scheme Bearer, no proof": {"scheme": b"Bearer", "proofs": 0},
        "scheme Bearer, a good proof": {"scheme": b"Bearer"},
    }
    for name, change in downgrades.items():
        yield Trial("probe.dpop-downgrade", name, _presented(base, token, **change), malformed=True)


def _presented(
    base: Shot,
    token: Token,
    *,
    scheme: bytes = b"DPoP",
    **changes: Any,  # noqa: ANN401 - claims of any type
) -> Callable[[], Shot]:
    def shot() -> Shot:
        octets = carried(token())
        return base.plus(("Authorization", scheme + b" " + octets)).proving(octets, **changes)

    return shot


def is_replay_caught(scene: Scene, holder: Holder, token: Token) -> None:
    """Whether a proof that was accepted a moment ago is accepted again (RFC 9449 §11.1)."""
    base = replace(scene.base, holder=holder)
    try:
        scene.gun.send(base.bearing(token()))  # for the nonce, where one is asked for
        late = base.bearing(token())
        assert late.late is not None, "the base has a holder"  # noqa: S101 - see above
        shot = replace(late.plus(*late.late()), late=None)
        answers = [scene.gun.send(shot), scene.gun.send(shot)]
    except NoAnswer:
        return
    if all(scene.gun.likeness.verdict(each) is Verdict.ACCEPTED for each in answers):
        scene.find("probe.dpop-replay", "The same proof was accepted twice.")


def are_certificates_checked(scene: Scene, token: Token, *, is_bound: bool) -> Iterator[Trial]:
    """Trials with a token that is bound to the caller's certificate (RFC 8705 §3).

    Args:
        scene: the probe, whose shots show the certificate.
        token: a good one.
        is_bound: whether it says so; an opaque one does not.
    """
    what = "tokens bound to a certificate"
    try:
        answer = scene.gun.send(scene.base.bearing(token()))
    except NoAnswer:
        return
    if scene.gun.likeness.verdict(answer) is not Verdict.ACCEPTED:
        scene.leave_out(what, f"the target takes none, not even with the certificate ({answer.status})")
        return
    if not is_bound and not _is_needed(scene, token):
        scene.leave_out(
            what,
            "the token is accepted without the certificate, and is opaque: whether it is bound to it, only "
            "its issuer knows (RFC 8705 §3.2)",
        )
        return
    for name, caller in (("no certificate", Caller.NOBODY), ("another certificate", Caller.STRANGER)):
        yield Trial(
            "probe.certificate-binding",
            name,
            lambda caller=caller: replace(scene.base.bearing(token()), caller=caller),  # type: ignore[misc]
            malformed=True,
        )


def _is_needed(scene: Scene, token: Token) -> bool:
    try:
        answer = scene.gun.send(replace(scene.base.bearing(token()), caller=Caller.NOBODY))
    except NoAnswer:
        return True
    return scene.gun.likeness.verdict(answer) is not Verdict.ACCEPTED
