"""`tokenward up --engine envoy` beside Envoy alone.

That is Envoy which asks somebody who says yes to everything, and Envoy which verifies JWTs itself, with and
without its cache of tokens: the first tells what our decision costs, the others what it is to be measured by.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import revoked
from cases import FEW
from envoy import bootstrap, cluster, envoy, program, started
from load import Request, Target
from revoked import Felt
from servers import python_server, tokenward

from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey, members

PATH = "/weather/forecast/lisbon"
ISSUER = "https://bench.example"
_FILTER = "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"


def comparisons(backend: str) -> Iterator[tuple[str, str, Target, Target]]:
    """Title, name of the peer, the peer, and ours; each runs until the next is asked for."""
    found = program()
    if found is None:
        return
    os.environ["PATH"] = f"{found.parent}{os.pathsep}{os.environ['PATH']}"
    with tokenward(backend, engine="envoy") as ours:
        opaque = [Request(authorization=f"Bearer {token}") for token in ours.issuer.mint("tokens", FEW)]
        target = Target(ours.gateway + PATH, lambda: opaque)
        with python_server("backend.py", "yes") as authorizer, envoy(found, backend, authorizer) as url:
            yield "up --engine envoy", "Envoy, ext_authz yes", Target(url + PATH, lambda: opaque), target
        key = SigningKey.generate("ES256")
        jwts = [Request(authorization=f"Bearer {_jwt(key, number)}") for number in range(FEW)]
        for name, cached in (("Envoy, jwt_authn", False), ("Envoy, jwt_authn cached", True)):
            with _verifying(found, backend, key, cached=cached) as url:
                yield "up --engine envoy", name, Target(url + PATH, lambda: jwts), target


def revocations(backend: str, *, count: int) -> Iterator[tuple[str, int, Felt]]:
    """How long so many revoked tokens were still good under load; Envoy keeps no decision."""
    if (found := program()) is None:
        return
    os.environ["PATH"] = f"{found.parent}{os.pathsep}{os.environ['PATH']}"
    with tokenward(backend, engine="envoy") as ours:
        yield "Envoy", 0, revoked.measure(ours, PATH, count=count)


def _jwt(key: SigningKey, number: int) -> str:
    now = int(SYSTEM_CLOCK.time())
    claims = {"iss": ISSUER, "aud": "weather", "sub": f"client-{number}", "iat": now, "exp": now + 3600}
    return sign_jwt(key, claims, typ="at+jwt")


def _verifying(
    found: Path, backend: str, key: SigningKey, *, cached: bool
) -> contextlib.AbstractContextManager[str]:
    keys = {"keys": [{**members(key.private.public_key()), "kid": key.kid, "alg": "ES256", "use": "sig"}]}
    provider: dict[str, Any] = {
        "issuer": ISSUER,
        "audiences": ["weather"],
        "local_jwks": {"inline_string": json.dumps(keys)},
        **({"jwt_cache_config": {"jwt_cache_size": 4 * FEW}} if cached else {}),
    }
    verify = {
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": _FILTER,
            "providers": {"bench": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "bench"}}],
        },
    }
    return started(found, lambda port: bootstrap(port, verify, [cluster("backend", backend)]))
