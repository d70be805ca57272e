"""A browser before an application that signs people in by a provider that says what the test wants."""

import secrets
import time
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from client.fake_server import FakeServer
from tokens.minting import changed, mint
from tokenward.client import ClientSecret, Server
from tokenward.client.web import WebSignIn

URL = "https://shop.example"
CLIENT = "shop"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


def provider(fake: FakeServer) -> FakeServer:
    """The fake server as an OpenID provider."""
    fake.lets_people_in()
    fake.metadata |= {
        "end_session_endpoint": f"{fake.issuer}/bye",
        "userinfo_endpoint": f"{fake.issuer}/userinfo",
    }
    return fake


def application(fake, **changes):
    settings = {
        "client_id": CLIENT,
        "authentication": ClientSecret("env:FAKE_SECRET"),
        "url": URL,
        "scope": ["openid", "offline_access"],
    }
    clock = changes.pop("clock", None)
    server = Server(fake.issuer, clock=clock) if clock else Server(fake.issuer)
    return WebSignIn(server, **settings | changes)


def id_token(fake, asked, now, **changes):
    claims = {
        "iss": fake.issuer,
        "aud": CLIENT,
        "sub": "alice",
        "sid": "s-1",
        "nonce": asked["nonce"],
        "iat": now,
        "exp": now + 60,
        "auth_time": now,
    }
    key, header = changes.pop("key", fake.key), {"typ": "JWT", **changes.pop("header", {})}
    return mint(changed(claims, changes), key, **header)


def logout_token(fake, now, **changes):
    claims = {
        "iss": fake.issuer,
        "aud": CLIENT,
        "sub": "alice",
        "iat": now,
        "exp": now + 60,
        "jti": secrets.token_urlsafe(12),
        "events": {EVENT: {}},
    }
    key, header = changes.pop("key", fake.key), {"typ": "logout+jwt", **changes.pop("header", {})}
    return mint(changed(claims, changes), key, **header)


def answered(asked, fake, **changes):
    """The query of the provider's answer."""
    answer = {"code": f"code-{secrets.token_hex(4)}", "state": asked["state"], "iss": fake.issuer}
    return urlencode(changed(answer, changes))


class Browser:
    """Keeps cookies, and goes where it is told; on `URL` only."""

    def __init__(self, sign_in, fake, clock=None):
        self.sign_in = sign_in
        self.fake = fake
        self.now = clock.time if clock else time.time
        self.cookies = {}
        self.last = None

    def scope(self, method, target, headers=()):
        parts = urlsplit(target)
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {"accept": "text/html", **({"cookie": cookies} if cookies else {}), **dict(headers)}
        return {
            "type": "http",
            "method": method,
            "path": parts.path,
            "query_string": parts.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        }

    def get(self, target, **headers):
        return self._taken(self.sign_in.answer(self.scope("GET", target, headers), b""))

    def post(self, target, form=(), origin=URL, **headers):
        sent = {"content-type": "application/x-www-form-urlencoded", **headers}
        if origin is not None:
            sent["origin"] = origin
        body = urlencode(dict(form)).encode()
        return self._taken(self.sign_in.answer(self.scope("POST", target, sent), body))

    def _taken(self, answer):
        for name, value in answer.headers:
            if name == b"set-cookie":
                for key, morsel in SimpleCookie(value.decode()).items():
                    assert key.startswith("__Host-"), key
                    assert morsel["secure"], key
                    assert morsel["httponly"], key
                    assert (morsel["samesite"], morsel["path"], morsel["domain"]) == ("Lax", "/", "")
                    self.cookies[key] = morsel.value
                    if morsel["max-age"] == "0":
                        del self.cookies[key]
        self.last = answer
        return answer

    def location(self):
        return dict(self.last.headers)[b"location"].decode()

    def leave(self, target="/orders", **more):
        """Begin a sign-in; what the provider is asked."""
        self.get("/auth/sign-in?" + urlencode({"next": target, **more}))
        assert self.last.status == 303, self.last.body
        assert self.location().startswith(f"{self.fake.issuer}/authorize?")
        return self.asked()

    def asked(self):
        """What the provider is asked by where the browser is sent."""
        return dict(parse_qsl(urlsplit(self.location()).query))

    def come_back(self, asked, answer=(), tokens=(), **claims):
        """Bring the provider's answer; `claims` change the ID token, `tokens` the token response."""
        now = int(self.now())

        def script(form, _headers):
            token = id_token(self.fake, asked, now, **claims)
            said = self.fake.token(id_token=token, refresh_token="refresh-1")
            return 200, changed(said, dict(tokens))

        self.fake.scripts.append(script)
        target = "/auth/callback?" + answered(asked, self.fake, **dict(answer))
        self.get(target)
        if script in self.fake.scripts:
            self.fake.scripts.remove(script)
        return self.last

    def sign_in_as(self, subject="alice", **claims):
        answer = self.come_back(self.leave(), sub=subject, **claims)
        assert answer.status == 303, answer.body
        return answer

    @property
    def person(self):
        return self.sign_in.person(self.scope("GET", "/"))

    def told(self, token):
        """The provider calls; with no cookie of anybody's."""
        return Browser(self.sign_in, self.fake).post(
            "/auth/backchannel-logout", {"logout_token": token}, origin=None
        )
