"""Tokens that are bound to a key by DPoP (RFC 9449), with proofs that are not theirs."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from tokenward.auditor.attacks.kit import b64, changed, compact, signed
from tokenward.auditor.probing.firing import Trial
from tokenward.auditor.probing.likeness import Verdict
from tokenward.auditor.probing.scene import ABSENT, Scene
from tokenward.auditor.probing.wire import NoAnswer, Shot
from tokenward.base.entropy import random_base62
from tokenward.tokens.keys import SigningKey, members, thumbprint


class _Holder:
    """Holds the key that tokens are bound to, and knows the nonce that the target asked for."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._key = SigningKey.generate("ES256")
        self._other = SigningKey.generate("ES256")
        self.nonce: object = ABSENT

    def token(self) -> str:
        public = members(self._key.private.public_key())
        return self._scene.signed(cnf={"jkt": thumbprint(public)})

    def proof(self, token: str, *, stranger: bool = False, typ: str = "dpop+jwt", **claims: object) -> bytes:
        """A good proof for the operation, but for these claims; by another key if `stranger`."""
        key = self._other if stranger else self._key
        base, kit = self._scene.base, self._scene.kit
        assert kit is not None, "only where tokens are ours"  # noqa: S101 - a mistake of the caller
        parts = urlsplit(base.url)
        good: dict[str, Any] = {
            "jti": random_base62(20),
            "htm": base.method,
            "htu": f"{parts.scheme}://{parts.netloc}{parts.path}",
            "iat": kit().now,
            "ath": b64(hashlib.sha256(token.encode()).digest()),
            "nonce": self.nonce,
        }
        head = {"typ": typ, "alg": key.algorithm, "jwk": members(key.private.public_key())}
        return signed(compact(head), compact(changed(good, claims)), key.sign).encode()

    def shot(self, *, scheme: bytes = b"DPoP", proofs: int = 1, **changes: Any) -> Shot:  # noqa: ANN401 - claims
        token = self.token()
        fields = [("Authorization", scheme + b" " + token.encode())]
        fields += [("DPoP", self.proof(token, **changes)) for _ in range(proofs)]
        return self._scene.base.plus(*fields)


def are_proofs_checked(scene: Scene) -> Iterator[Trial]:
    """Trials with bound tokens; none where the target takes no good proof either."""
    holder = _Holder(scene)
    try:
        answer = scene.gun.send(holder.shot())
        if answer.value("dpop-nonce"):
            holder.nonce = answer.value("dpop-nonce")
        if scene.gun.likeness.verdict(answer) is not Verdict.ACCEPTED:
            answer = scene.gun.send(holder.shot())
    except NoAnswer:
        return
    if scene.gun.likeness.verdict(answer) is not Verdict.ACCEPTED:
        scene.leave_out(
            "tokens bound by DPoP", f"the target takes none, not even with a good proof ({answer.status})"
        )
        return
    now = scene.kit().now if scene.kit is not None else 0
    other = "https://evil.example/"
    changes: dict[str, dict[str, Any]] = {
        "by another key": {"stranger": True},
        "for another method": {"htm": "DELETE" if scene.base.method != "DELETE" else "GET"},
        "for another address": {"htu": other},
        "for another path": {"htu": f"{scene.base.url.partition('?')[0]}/other"},
        "for another token": {"ath": b64(hashlib.sha256(b"another").digest())},
        "without the token's hash": {"ath": ABSENT},
        "an hour old": {"iat": now - 3600},
        "from tomorrow": {"iat": now + 86_400},
        "without a time": {"iat": ABSENT},
        "without a name of its own": {"jti": ABSENT},
        "called a JWT": {"typ": "JWT"},
    }
    for name, change in changes.items():
        yield Trial("probe.dpop-proof", name, _of(holder, **change), malformed=True)
    yield Trial("probe.dpop-proof", "two of them", _of(holder, proofs=2), malformed=True)
    yield Trial("probe.dpop-downgrade", "scheme DPoP, no proof", _of(holder, proofs=0), malformed=True)
    yield Trial(
        "probe.dpop-downgrade",
        "scheme Bearer, no proof",
        _of(holder, scheme=b"Bearer", proofs=0),
        malformed=True,
    )
    yield Trial(
        "probe.dpop-downgrade", "scheme Bearer, a good proof", _of(holder, scheme=b"Bearer"), malformed=True
    )


def is_replay_caught(scene: Scene) -> None:
    """Whether a proof that was accepted a moment ago is accepted again (RFC 9449 §11.1)."""
    holder = _Holder(scene)
    try:
        first = scene.gun.send(holder.shot())
        holder.nonce = first.value("dpop-nonce") or ABSENT
        shot = holder.shot()
        answers = [scene.gun.send(shot), scene.gun.send(shot)]
    except NoAnswer:
        return
    if all(scene.gun.likeness.verdict(each) is Verdict.ACCEPTED for each in answers):
        scene.find("probe.dpop-replay", "The same proof was accepted twice.")


def _of(holder: _Holder, **changes: Any) -> Callable[[], Shot]:  # noqa: ANN401 - claims of any type
    return lambda: holder.shot(**changes)
