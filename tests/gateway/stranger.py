"""An issuer that is not ours: its keys, what it signs, what it says of its tokens, and its bad days."""

import json
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from itertools import count

from serving import serving
from tokenward.base.forms import parse_form
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey

_serial = count()


class Stranger:
    """What it answers, and what it was asked.

    Attributes:
        keys: the JWK Set, or the bytes that come in its place.
        tokens: what it answers about each opaque token; another one is inactive.
        asked: the path of each request, in order.
        forms: what each question about a token said, as a form and as bytes.
        heads: the headers of each question.
        fault: called in place of an answer, with the handler; None on good days.
    """

    def __init__(self, issuer="https://stranger.example", clock=time.time):
        self.issuer = issuer
        self.clock = clock
        self.key = SigningKey.generate("ES256")
        self.keys = {"keys": [self.key.public_jwk()]}
        self.tokens = {}
        self.asked, self.forms, self.raw, self.heads = [], [], [], []
        self.fault = None
        self.signed_for = None

    def jwt(self, audience, *, key=None, typ="at+jwt", **changes):
        now = int(self.clock())
        claims = {
            "iss": self.issuer,
            "aud": audience,
            "sub": "alice",
            "client_id": "their-app",
            "scope": "accounts:read",
            "iat": now,
            "exp": now + 600,
            "jti": f"{next(_serial)}",
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        return sign_jwt(key or self.key, claims, typ=typ)

    def opaque(self, audience, text=None, **changes):
        """A new opaque token, and what is told of it."""
        now = int(self.clock())
        text = text or f"their-token-{next(_serial)}"
        said = {
            "active": True,
            "iss": self.issuer,
            "aud": audience,
            "sub": "alice",
            "client_id": "their-app",
            "scope": "accounts:read",
            "token_type": "Bearer",
            "iat": now,
            "exp": now + 600,
            **changes,
        }
        self.tokens[text] = {name: value for name, value in said.items() if value is not None}
        return text

    def about(self, form):
        answer = self.tokens.get(form.get("token"), {"active": False})
        if self.signed_for is None:
            return json.dumps(answer).encode()
        claims = {"iss": self.issuer, "aud": self.signed_for, "iat": int(self.clock())}
        signed = sign_jwt(self.key, claims | {"token_introspection": answer}, typ="token-introspection+jwt")
        return signed.encode()


@contextmanager
def served_stranger():
    """A running one, at a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            stranger.asked.append(self.path)
            if stranger.fault is not None:
                stranger.fault(self)
            elif self.path == "/.well-known/openid-configuration":
                self.answer({"issuer": stranger.issuer, "jwks_uri": f"{stranger.issuer}/keys"})
            elif self.path == "/keys":
                self.answer(stranger.keys)
            else:
                self.answer({}, 404)

        def do_POST(self):
            raw = self.rfile.read(int(self.headers["content-length"]))
            form = parse_form(raw)
            stranger.asked.append(self.path)
            stranger.forms.append(form)
            stranger.raw.append(raw)
            stranger.heads.append(dict(self.headers.items()))
            if stranger.fault is not None:
                stranger.fault(self)
            else:
                self.answer(stranger.about(form))

        def answer(self, body, status=200, **headers):
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as origin:
        stranger = Stranger(origin)
        yield stranger
