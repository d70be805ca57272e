"""A platform that vouches for workloads, made up: its own keys, a server on loopback, and its tokens."""

import json
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from itertools import count

from serving import serving
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey

_serial = count()


class FakePlatform:
    """Serves its metadata and keys at `issuer`, and signs what it is told to."""

    def __init__(self, issuer):
        self.issuer = issuer
        self.key = SigningKey.generate("RS256")
        self.metadata = {"issuer": issuer, "jwks_uri": f"{issuer}/keys"}
        self.asked = []

    @property
    def jwks(self):
        return {"keys": [self.key.public_jwk()]}

    def token(self, audience, *, now=None, key=None, typ="JWT", **changes):
        """A token of a GitHub job on `main` of octo/app."""
        now = int(time.time() if now is None else now)
        claims = {
            "iss": self.issuer,
            "aud": audience,
            "sub": "repo:octo/app:ref:refs/heads/main",
            "jti": f"job-{next(_serial)}",
            "repository": "octo/app",
            "repository_owner": "octo",
            "ref": "refs/heads/main",
            "event_name": "push",
            "iat": now,
            "exp": now + 300,
            **changes,
        }
        return sign_jwt(key or self.key, claims, typ=typ)


@contextmanager
def served_platform():
    """A running one, at a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            platform.asked.append(self.path)
            answers = {"/.well-known/openid-configuration": platform.metadata, "/keys": platform.jwks}
            answer = answers.get(self.path)
            body = json.dumps(answer).encode()
            self.send_response(404 if answer is None else 200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as origin:
        platform = FakePlatform(origin)
        yield platform
