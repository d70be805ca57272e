"""A small issuer at one port, for a target that is configured to trust it while it is probed.

It also is a trap: whoever fetches an address that only a hostile token named has been turned against its own
network (SSRF).
"""

import asyncio
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import uvicorn

from tokenward.auditor.attacks import Kit
from tokenward.auditor.probing.wire import CannotProbe
from tokenward.base.clock import Clock
from tokenward.base.entropy import random_base62
from tokenward.tokens.keys import SigningKey

METADATA = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
JWKS = "/jwks.json"
TRAP = "/trap/"

_ITS_OWN: Mapping[str, str] = {
    "iss": "--issuer says it",
    "aud": "--audience says it",
    "exp": "each token gets its own",
    "iat": "each token gets its own",
    "nbf": "each token gets its own",
    "jti": "each token gets its own",
    "cnf": "a probe binds tokens to keys that it holds",
}
"""Claims that a probe sets, and why nobody else does."""

Scope = Mapping[str, Any]
Send = Callable[[dict[str, Any]], Any]


class TestIssuer:
    """An issuer with one key for each algorithm, all of them fresh.

    Args:
        url: where it is, without a slash at the end.
        issuer: the identifier in its tokens; "" for `url`.
        audience: who its tokens are for.
        claims: what else stands in its tokens, or in the place of what would, such as `sub` and `scope`.
        clock: tells when tokens are issued.

    Attributes:
        fetches: how often each path was asked for.

    Raises:
        CannotProbe: a claim is one that it sets itself, or `sub` names nobody.
    """

    __test__ = False  # its name is no test's

    def __init__(
        self, url: str, *, issuer: str, audience: str, claims: Mapping[str, Any], clock: Clock
    ) -> None:
        for name in filter(_ITS_OWN.__contains__, claims):
            raise CannotProbe(f"`{name}` cannot be among the claims: {_ITS_OWN[name]}")
        if not isinstance(claims.get("sub", "x"), str):
            raise CannotProbe("`sub` among the claims is no text, and a good token's is (RFC 7519 §4.1.2)")
        self.url = url
        self.issuer = issuer or url
        self.fetches: Counter[str] = Counter()
        self._clock = clock
        self._bait = SigningKey.generate()
        kit = Kit.issue(issuer=self.issuer, audience=audience, now=int(clock.time()))
        # Named anew in each run: a target may still remember the keys of the last one.
        keys = {name: replace(key, kid=f"probe-{random_base62(12)}") for name, key in kit.keys.items()}
        self._kit = replace(
            kit, keys=keys, jwks={"keys": [key.public_jwk() for key in keys.values()]}, stranger=self._bait
        )
        self._claims = dict(claims)
        self._published = dict(self._kit.jwks)

    def kit(self, algorithm: str = "") -> Kit:
        """What attacks are forged with, now; the good token is signed with `algorithm`."""
        kit, now = self._kit, int(self._clock.time())
        if algorithm:
            # The first key signs.
            keys = {algorithm: kit.keys[algorithm]} | dict(kit.keys)
            kit = replace(kit, keys=keys, stranger=_stranger(algorithm, self._bait))
        key = kit.key
        times = {"iat": now, "nbf": now, "exp": now + 60, "jti": random_base62(16)}
        header = {"alg": key.algorithm, "kid": key.kid, "typ": "at+jwt"}
        return replace(kit, now=now, good=kit.token(header, kit.claims(**times, **self._claims)))

    @property
    def bait(self) -> SigningKey:
        """The key that stands in the set at every address of the trap."""
        return self._bait

    def trap(self, name: str) -> str:
        """An address that nobody has a reason to fetch."""
        return f"{self.url}{TRAP}{name}"

    def caught(self, name: str) -> bool:
        """Whether somebody fetched it, or something below it."""
        path = f"{TRAP}{name}"
        return any(each == path or each.startswith(f"{path}/") for each in self.fetches)

    def remove_keys(self) -> None:
        """Withdraw every key, and publish another one."""
        self._published = {"keys": [SigningKey.generate().public_jwk()]}

    def document(self, path: str) -> Mapping[str, Any] | None:
        """What stands at a path; counts the fetch."""
        self.fetches[path] += 1
        if path.startswith(TRAP):
            # Somebody who fetched it as a set of keys, or as metadata that names one, finds the bait.
            return {
                "keys": [self._bait.public_jwk()],
                "issuer": f"{self.url}{path}",
                "jwks_uri": self.trap("keys"),
            }
        if path == JWKS:
            return self._published
        if path in METADATA:
            return {
                "issuer": self.issuer,
                "jwks_uri": f"{self.url}{JWKS}",
                "token_endpoint": f"{self.url}/token",
                "authorization_endpoint": f"{self.url}/authorize",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": list(self._kit.keys),
            }
        return None


def _stranger(algorithm: str, bait: SigningKey) -> SigningKey:
    """The attacker's key, of the algorithm of the good token, or no verifier would look at its signature."""
    return (
        bait
        if algorithm == bait.algorithm
        else _STRANGERS.setdefault(algorithm, SigningKey.generate(algorithm))
    )


_STRANGERS: dict[str, SigningKey] = {}


@contextmanager
def serving(issuer_of: Callable[[str], TestIssuer], address: tuple[str, int]) -> Generator[TestIssuer]:
    """A test issuer that answers at an address, for as long as the context lasts.

    Args:
        issuer_of: makes it when its URL is known.
        address: host, and port or 0 for any.

    Raises:
        CannotProbe: the port is taken.
    """
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        sock = socket.create_server((host, port), family=family)
    except OSError as error:
        raise CannotProbe(f"the test issuer cannot listen at {host}:{port}: {error.strerror}") from None
    name = f"[{host}]" if ":" in host else host
    with sock:
        yield from _answering(issuer_of(f"http://{name}:{sock.getsockname()[1]}"), sock)


def _answering(issuer: TestIssuer, sock: socket.socket) -> Generator[TestIssuer]:
    server = uvicorn.Server(
        uvicorn.Config(_application(issuer), log_config=None, access_log=False, lifespan="off", ws="none")
    )
    loop_ended = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets=[sock])), name="test issuer", daemon=True
    )
    loop_ended.start()
    try:
        yield issuer
    finally:
        server.should_exit = True
        loop_ended.join(5)


def _application(issuer: TestIssuer) -> Callable[[Scope, Any, Send], Any]:
    async def answer(scope: Scope, _receive: object, send: Send) -> None:
        document = issuer.document(scope["path"])
        body = b"" if document is None else json.dumps(document).encode()
        fields = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        fields.append((b"content-length", str(len(body)).encode()))
        status = 404 if document is None else 200
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    return answer
