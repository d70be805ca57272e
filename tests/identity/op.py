"""An OpenID provider that tells the truth unless a test makes it lie, without a network."""

import json
import re
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from tokens.minting import changed, mint
from tokenward.base.outbound import OutboundError
from tokenward.flows import pkce
from tokenward.identity.upstream.provider import Connection, Provider
from tokenward.tokens.keys import SigningKey

OP = "https://login.corp.example"
CLIENT = "tokenward-at-corp"
KEY = SigningKey.generate("ES256")
OTHER_KEY = SigningKey.generate("ES256")


@dataclass
class OpenIdProvider:
    """What it says, and what of it is changed; a value of `minting.ABSENT` leaves something out.

    Attributes:
        claims: of whoever signs in.
        lies: changes to the ID token's claims; `header`, `metadata`, `tokens`, `userinfo`, `answer` likewise.
        key: what it signs with.
        down: the paths at which it does not answer, each with the error.
        asked: the authorization requests that it got.
        fetched: the paths that were fetched from it.
    """

    name: str = "corp"
    issuer: str = OP
    claims: dict = field(default_factory=lambda: {"sub": "corp-1"})
    lies: dict = field(default_factory=dict)
    header: dict = field(default_factory=dict)
    metadata: dict = field(default_factory=dict)
    tokens: dict = field(default_factory=dict)
    userinfo: dict = field(default_factory=dict)
    answer: dict = field(default_factory=dict)
    key: SigningKey = KEY
    down: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    fetched: list = field(default_factory=list)
    clock: object = None
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    codes: dict = field(default_factory=dict)

    def connection(self, **settings):
        known = {"name": self.name, "label": "Corp & Co", "issuer": self.issuer, "client_id": CLIENT}
        provider = Provider(**known | {"algorithms": ("ES256",), "create": True} | settings)
        return Connection(provider, self, {"keys": [KEY.public_jwk()]}, lambda: (f"Basic {self.secret}", {}))

    async def get_async(self, url):
        self._reached(url)
        assert url == f"{self.issuer}/.well-known/openid-configuration"
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/bye",
            "authorization_response_iss_parameter_supported": True,
        }
        return json.dumps(changed(said, self.metadata)).encode()

    async def post_form_async(self, url, form, *, accept="*/*", authorization=None):
        self._reached(url)
        assert accept == "application/json"
        if url == f"{self.issuer}/userinfo":
            assert authorization == f"Bearer {self.tokens.get('access_token', 'a-token')}"
            return json.dumps({"sub": self.claims["sub"], **self.userinfo}).encode()
        assert (url, authorization) == (f"{self.issuer}/token", f"Basic {self.secret}")
        asked = self.codes.pop(form["code"], None)
        if (
            asked is None
            or form["redirect_uri"] != asked["redirect_uri"]
            or pkce.challenge(form["code_verifier"]) != asked["code_challenge"]
        ):
            raise OutboundError("bad_status", "answered 400", status=400)
        said = {"access_token": "a-token", "token_type": "Bearer", "id_token": self.id_token(asked["nonce"])}
        return json.dumps(changed(said, self.tokens)).encode()

    def id_token(self, nonce):
        now = int(self.clock.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "auth_time": now,
            **self.claims,
        }
        return mint(changed(claims, self.lies), self.key, **self.header)

    def logout_token(self, **changes):
        now = int(self.clock.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_urlsafe(12),
            "sub": self.claims["sub"],
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        }
        return mint(changed(claims, changes), self.key, typ="logout+jwt", **self.header)

    def sign_in(self, url):
        """Where the browser is sent back to by who has signed in there."""
        assert url.startswith(f"{self.issuer}/authorize?")
        asked = dict(parse_qsl(urlsplit(url).query))
        self.asked.append(asked)
        code = secrets.token_urlsafe(12)
        self.codes[code] = asked
        answer = changed({"code": code, "state": asked["state"], "iss": self.issuer}, self.answer)
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def _reached(self, url):
        path = urlsplit(url).path
        self.fetched.append(path)
        if path in self.down:
            raise self.down[path]


async def leave(browser, name="corp", start="/sign-in?again=1"):
    """Press the provider's button; the answer leads to it."""
    page = await browser.get(start)
    form = re.search(rf'action="/sign-in/with/{name}">(.*?)</form>', page.text, re.DOTALL)[1]
    hidden = dict(re.findall(r'name="([a-z]+)" value="([^"]*)"', form))
    hidden = {name: value.replace("&amp;", "&") for name, value in hidden.items()}
    return await browser.post(f"/sign-in/with/{name}", data=hidden)


async def through(browser, provider, start="/sign-in?again=1"):
    """Sign in through the provider; the answer to coming back."""
    away = await leave(browser, provider.name, start)
    assert away.status_code == 303, away.text
    return await browser.get(provider.sign_in(away.headers["location"]))
