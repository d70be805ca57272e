"""An issuer that we did not write, whose tokens our gateway takes: oidc-provider, on loopback.

Its JWTs open one API, its opaque tokens another by introspection in JSON, a third by signed introspection.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from interop.flows import results
from interop.house import free_ports, private, served_echo, tokenward, up
from interop.page import Result
from tokenward.app.samples import SAMPLES
from tokenward.base.entropy import identifier
from tokenward.base.secret import Secret
from tokenward.flows.dpop import DpopProver

LIBRARY = "oidc-provider"
PROGRAM = Path(__file__).parent / "issuers" / "oidc_provider.mjs"
JWTS, OPAQUE, SIGNED = "https://jwts.example", "https://opaque.example", "https://signed.example"
TRANSFER = {"from": "current", "to": "savings", "amount": "1.00", "currency": "EUR"}
CACHE = 2  # seconds for which an answer is believed here

CONFIGURATION = """\
store: sqlite:data/tokenward.db
master_key: file:data/master.key
issuer: {{url: "http://127.0.0.1:{issuer}", listen: "127.0.0.1:{issuer}"}}
gateway: {{url: "http://127.0.0.1:{gateway}", listen: "127.0.0.1:{gateway}"}}
admin: {{listen: "127.0.0.1:{admin}", token: file:data/admin.token}}
apis:
  jwts:
    openapi: bank.openapi.yaml
    upstream: "{upstream}"
    audience: {jwts}
    risk: moderate
    operations: {{createTransfer: {{risk: high}}, createPayment: {{scopes: [transfers:write]}}}}
    own_issuer: false
    trust:
      - jwt: {{issuer: "{stranger}", algorithms: [RS256], credential: client_secret}}
  opaque:
    openapi: bank.openapi.yaml
    upstream: "{upstream}"
    audience: {opaque}
    risk: moderate
    operations: {{createPayment: {{scopes: [transfers:write]}}}}
    trust:
      - introspection:
          issuer: {stranger}
          url: {stranger}/token/introspection
          client_id: gateway
          client_secret: file:gateway.secret
          cache: {cache}s
  signed:
    openapi: bank.openapi.yaml
    upstream: "{upstream}"
    audience: {signed}
    risk: moderate
    operations: {{createPayment: {{scopes: [transfers:write]}}}}
    trust:
      - introspection:
          issuer: {stranger}
          url: {stranger}/token/introspection
          client_id: gateway
          client_secret: file:gateway.secret
          signed: {{algorithms: [RS256]}}
"""


class Visit:
    """What is asked of the stranger and of our gateway."""

    def __init__(self, stranger: str, gateway: str, secret: str, web: httpx.Client) -> None:
        self.stranger = stranger
        self.gateway = gateway
        self.auth = ("their-app", secret)
        self.web = web

    def token(self, audience: str, *, prover: DpopProver | None = None) -> str:
        url = f"{self.stranger}/token"
        form = {
            "grant_type": "client_credentials",
            "resource": audience,
            "scope": "accounts:read transfers:write",
        }
        headers = {"dpop": prover.proof("POST", url)} if prover is not None else {}
        answer = self.web.post(url, data=form, auth=self.auth, headers=headers)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def call(self, api: str, token: str) -> int:
        headers = {"authorization": f"Bearer {token}"}
        return self.web.get(f"{self.gateway}/{api}/accounts", headers=headers).status_code

    def pay(self, api: str, token: str, prover: DpopProver) -> int:
        url = f"{self.gateway}/{api}/transfers"
        for _ in range(2):
            headers = dict(prover.headers("POST", url, Secret(token)))
            answer = self.web.post(url, headers=headers, json=TRANSFER)
            if not prover.must_repeat(url, answer.status_code, answer.headers, answer.content):
                break
        return answer.status_code

    def revoke(self, token: str) -> None:
        form = {"token": token}
        self.web.post(f"{self.stranger}/token/revocation", data=form, auth=self.auth).raise_for_status()


def jwt(visit: Visit) -> None:
    """Its JWTs open the API that trusts them."""
    assert visit.call("jwts", visit.token(JWTS)) == 200


def jwt_elsewhere(visit: Visit) -> None:
    """Its JWTs open no other API."""
    assert visit.call("opaque", visit.token(JWTS)) == 401


def bound_jwt(visit: Visit) -> None:
    """A JWT that it bound to a key (DPoP) opens an operation of tier `high`, with a proof."""
    prover = DpopProver()
    token = visit.token(JWTS, prover=prover)
    assert visit.pay("jwts", token, prover) == 200
    assert visit.call("jwts", token) == 401, "as a bearer token it is worthless"


def opaque(visit: Visit) -> None:
    """Its opaque tokens open the API that asks about them."""
    assert visit.call("opaque", visit.token(OPAQUE)) == 200


def signed(visit: Visit) -> None:
    """Its signed answers (RFC 9701) are taken where they are asked for."""
    assert visit.call("signed", visit.token(SIGNED)) == 200
    assert visit.call("signed", visit.token(OPAQUE)) == 401


def opaque_elsewhere(visit: Visit) -> None:
    """An opaque token for another audience, or that it does not know, opens nothing."""
    assert visit.call("opaque", "x" * 43) == 401
    assert visit.call("jwts", visit.token(OPAQUE)) == 401


def revoked(visit: Visit) -> None:
    """An opaque token that it revoked is refused once the answer is too old."""
    token = visit.token(OPAQUE)
    assert visit.call("opaque", token) == 200
    visit.revoke(token)
    time.sleep(CACHE + 0.5)
    assert visit.call("opaque", token) == 401


FLOWS: tuple[Callable[[Visit], None], ...] = (
    jwt,
    jwt_elsewhere,
    bound_jwt,
    opaque,
    signed,
    opaque_elsewhere,
    revoked,
)


def visited(node: str, directory: Path) -> list[Result]:
    """Each flow, and what came of it."""
    with running(node, directory) as visit:
        return results(FLOWS, visit, (AssertionError, httpx.HTTPError))


@contextlib.contextmanager
def running(node: str, directory: Path) -> Iterator[Visit]:
    """The stranger and our servers on free ports of loopback; all end on leaving."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    secret, gateway_secret = identifier(), identifier()
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(served_echo())
        port, *ours = free_ports(4)
        stranger = f"http://127.0.0.1:{port}"
        environment = {"PATH": os.environ["PATH"], "CLIENT_SECRET": secret, "GATEWAY_SECRET": gateway_secret}
        process = subprocess.Popen([node, str(PROGRAM), str(port), JWTS, OPAQUE, SIGNED], env=environment)
        stack.callback(process.wait, 30)
        stack.callback(process.send_signal, signal.SIGTERM)
        tokenward(directory, "init")
        (directory / "tokenward.yaml").write_text(
            CONFIGURATION.format(
                issuer=ours[0], gateway=ours[1], admin=ours[2], upstream=upstream, stranger=stranger,
                jwts=JWTS, opaque=OPAQUE, signed=SIGNED, cache=CACHE,
            )
        )  # fmt: skip
        private(directory / "gateway.secret", gateway_secret)
        for sample in SAMPLES.values():
            shutil.copy(sample.document, directory)
        urls = [f"{stranger}/.well-known/openid-configuration", f"http://127.0.0.1:{ours[0]}/jwks.json"]
        stack.enter_context(up(directory, urls, None))
        with httpx.Client(trust_env=False, timeout=10) as web:
            yield Visit(stranger, f"http://127.0.0.1:{ours[1]}", secret, web)
    shutil.rmtree(directory)
