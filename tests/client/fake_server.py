"""An authorization server and an API on loopback that answer as a script says: slow, wrong, late, or well."""

import json
import threading
import time
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from itertools import count
from urllib.parse import urlsplit

from serving import serving
from tokenward.base.forms import parse_form
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey


class FakeServer:
    """What it does next.

    Attributes:
        lifetime: of a token, in seconds.
        scripts: the next answers to token requests: (status, body[, headers]), or a function of form and
            headers that gives one; good ones after.
        refusals: answers of the API to the next calls: (status, headers).
        date: seconds by which `Date` is off.
        forms: what was asked at the endpoints for clients, with the headers.
        pages: further paths, with the JSON that is there.
        calls: the `Authorization` values that the API saw, and the `DPoP` proofs.
        keys_shown: the `X-API-Key` values that it saw.
    """

    def __init__(self, origin):
        self.issuer = self.api = origin
        self.lifetime = 3600
        self.scripts = []
        self.refusals = []
        self.date = 0
        self.forms = []
        self.calls = []
        self.keys_shown = []
        self.token_type = "Bearer"
        self.metadata = {"issuer": origin, "token_endpoint": f"{origin}/token"}
        self.well_known = "/.well-known/oauth-authorization-server"
        self.delay = 0.0
        self.keys = {"keys": []}
        self.pages = {}
        self.lock = threading.Lock()
        self._serial = count(1)

    def answer(self, form, headers):
        with self.lock:
            self.forms.append((form, headers))
            script = self.scripts.pop(0) if self.scripts else None
        time.sleep(self.delay)
        if callable(script):
            script = script(form, headers)
        if script is not None:
            return (*script, {})[:3]
        return 200, self.token(), {}

    def token(self, **changes):
        body = {"access_token": f"access-{next(self._serial)}", "token_type": self.token_type}
        return body | {"expires_in": self.lifetime} | changes

    def lets_people_in(self):
        """Its metadata and keys, as for those who sign people in."""
        self.metadata |= {
            "authorization_endpoint": f"{self.issuer}/authorize",
            "revocation_endpoint": f"{self.issuer}/revoke",
            "device_authorization_endpoint": f"{self.issuer}/device",
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": ["ES256"],
            "authorization_response_iss_parameter_supported": True,
        }
        self.key = SigningKey.generate()
        self.keys = {"keys": [self.key.public_jwk()]}

    def id_token(self, **changes):
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": "notes", "sub": "alice", "iat": now, "exp": now + 60}
        return sign_jwt(self.key, claims | changes, typ="JWT")

    @property
    def issued(self):
        return len(self.forms)


@contextmanager
def fake_server():
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            path = urlsplit(self.path).path
            if path in (pages := {fake.well_known: fake.metadata, "/keys": fake.keys, **fake.pages}):
                self.send(200, pages[path])
            elif path.startswith("/api"):
                self.call()
            else:
                self.send(404, {})

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.path in {"/token", "/revoke", "/device", "/par"}:
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.send(*fake.answer(parse_form(body), headers))
            else:
                self.call()

        def call(self):
            fake.keys_shown.append(self.headers.get("x-api-key"))
            fake.calls.append((self.headers.get("authorization"), self.headers.get("dpop")))
            refusal = fake.refusals.pop(0) if fake.refusals else (200, {})
            self.send(refusal[0], {}, refusal[1])

        def date_time_string(self, timestamp=None):
            return formatdate(time.time() + fake.date, usegmt=True)

        def send(self, status, body, headers=()):
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in dict(headers).items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    with serving(Handler) as origin:
        fake = FakeServer(origin)
        yield fake
