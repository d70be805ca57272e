"""A probe of our own gateway, and of an application behind our own middleware: it finds nothing.

Both trust the test issuer, so that every token of the attack table can be signed; and both are asked with a
token of our own issuer, as somebody would who has seen one.
"""

import itertools
import threading

import httpx
import pytest
import uvicorn

from e2e.bank import bank, until
from e2e.test_processes import _free_ports
from gateway.inner import starlette_app
from tokenward.auditor.probing.asked import Asked
from tokenward.auditor.probing.probe import probe
from tokenward.auditor.probing.wire import CannotProbe, Wire
from tokenward.base.secret import Secret
from tokenward.flows.dpop import DpopProver
from tokenward.middleware import TokenwardMiddleware
from tokenward.tokens.keys import SigningKey

CONFIGURATION = """
apis:
  bank:
    openapi: bank.json
    upstream: {upstream}
    audience: https://bank.example
    risk: low
    trust:
      - jwt: {{issuer: "{issuer}"}}
  desk:
    openapi: bank.json
    url: {desk}
    audience: https://desk.example
    risk: low
    trust:
      - jwt: {{issuer: "{issuer}"}}
"""


@pytest.fixture
def there(tmp_path, command, backend):
    port, desk = _free_ports(2)
    urls = {"issuer": f"http://127.0.0.1:{port}", "desk": f"http://127.0.0.1:{desk}"}
    own = CONFIGURATION.format(upstream=backend[0], **urls)
    with bank(tmp_path, command, own, gateway="proxies: [127.0.0.1]") as (issuer, gateway, _):
        yield port, issuer, f"{gateway}/bank/accounts", desk


@pytest.fixture(autouse=True)
def from_many_addresses(monkeypatch):
    """Each shot comes from another address, as a proxy tells it: one alone has five unknown tokens a second
    looked up, and a probe that waits for that takes more than a minute."""
    addresses = (f"198.18.{each >> 8}.{each & 255}".encode() for each in itertools.count())
    send = Wire.send

    def sent(wire, shot):
        return send(wire, shot.plus(("X-Forwarded-For", next(addresses))))

    monkeypatch.setattr(Wire, "send", sent)


@pytest.fixture
def desk(there, tmp_path):
    """An application behind our middleware, in a server that is not ours."""
    app = TokenwardMiddleware(starlette_app(), config=tmp_path / "tokenward.yaml", api="desk")
    server = uvicorn.Server(uvicorn.Config(app, port=there[3], log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    assert until(lambda: server.started)
    yield f"http://127.0.0.1:{there[3]}/accounts"
    server.should_exit = True
    thread.join()


def issuer_at(port):
    return {"test_issuer": ("127.0.0.1", port), "claims": {"scope": "accounts:read"}, "rate": 1e6}


def assert_clean(result):
    assert told(result) == []
    assert result.complete
    assert result.unseen == ()  # that DPoP was tried is among it
    assert result.numbers["trials"] > 500


def told(result):
    return [f"{it.check.id}: {it.detail}" for it in result.findings]


def test_our_gateway_takes_nothing_that_a_test_issuer_should_not_have_signed(there):
    port, _, url, _ = there
    assert_clean(probe(Asked(url, audience="https://bank.example", **issuer_at(port))))


def test_our_middleware_takes_nothing_that_a_test_issuer_should_not_have_signed(there, desk):
    assert_clean(probe(Asked(desk, audience="https://desk.example", **issuer_at(there[0]))))


def test_our_gateway_takes_no_token_of_ours_that_was_altered(there, client):
    _, issuer, url, _ = there
    name, secret = client("--scope", "accounts:read", kind="service")
    form = {"grant_type": "client_credentials", "scope": "accounts:read", "resource": "https://bank.example"}
    with httpx.Client(trust_env=False, timeout=20) as web:
        answer = web.post(f"{issuer}/token", data=form, auth=(name, secret)).json()
    result = probe(Asked(url, token=Secret(answer["access_token"]), rate=1e6))
    assert told(result) == []
    assert result.complete


def test_our_gateway_takes_no_proof_that_is_not_its_own(there, client):
    _, issuer, url, _ = there
    name, secret = client("--scope", "accounts:read", "--bound-tokens", "dpop", kind="service")
    form = {"grant_type": "client_credentials", "scope": "accounts:read", "resource": "https://bank.example"}
    key, endpoint = SigningKey.generate(), f"{issuer}/token"
    prover = DpopProver(key)
    with httpx.Client(trust_env=False, timeout=20) as web:
        for _ in range(2):
            proof = {"DPoP": prover.proof("POST", endpoint)}
            answer = web.post(endpoint, data=form, auth=(name, secret), headers=proof)
            if not prover.must_repeat(endpoint, answer.status_code, answer.headers, answer.content):
                break
    token = Secret(answer.json()["access_token"])
    result = probe(Asked(url, token=token, dpop_key=key, rate=1e6))
    assert told(result) == []
    assert result.complete
    assert not [each for each in result.unseen if "DPoP" in each.what]
    with pytest.raises(CannotProbe, match="--dpop-key names it"):
        probe(Asked(url, token=token, rate=1e6))
