"""How a provider is reached: over a real socket, within limits, and nowhere that nobody named."""

import asyncio
import json
import time
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

import pytest

from serving import serving
from tokenward.app.issuer_keys import outbound
from tokenward.base.outbound import OutboundClient
from tokenward.base.problems import Refusal
from tokenward.base.secret import Secret
from tokenward.identity.upstream.client import UpstreamClient
from tokenward.identity.upstream.provider import Connection, Provider
from tokenward.tokens.keys import SigningKey

LIMIT = 10_000
KEYS = {"keys": [SigningKey.generate("RS256").public_jwk()]}


@pytest.fixture
def provider():
    """A provider on loopback, whose paths do what they are told to; and what was asked of it."""
    does, asked = {}, []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("content-length", 0)))
            path = urlsplit(self.path).path
            asked.append(path)
            origin = f"http://{self.headers['host']}"
            metadata = {
                "issuer": origin,
                "authorization_endpoint": f"{origin}/authorize",
                "token_endpoint": f"{origin}/token",
                **does.get("metadata", {}),
            }
            body = json.dumps(metadata | {"padding": " " * does.get("padding", 0)}).encode()
            behaviour = does.get(path, "")
            self.send_response(302 if behaviour == "redirect" else 401 if behaviour == "no" else 200)
            self.send_header("location", f"{origin}/elsewhere")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            for byte in body if behaviour == "slow" else [body]:
                try:
                    self.wfile.write(bytes([byte]) if behaviour == "slow" else byte)
                except OSError:
                    return
                time.sleep(0.01 if behaviour == "slow" else 0)

        do_POST = do_GET  # noqa: N815 - the standard library calls it so

    with serving(Handler) as origin:
        yield origin, does, asked


def client(origin, web=None):
    settings = Provider(name="corp", label="Corp", issuer=origin, client_id="us", algorithms=("RS256",))
    web = web or outbound(origin, (), max_bytes=LIMIT)
    connection = Connection(settings, web, KEYS, lambda: ("Basic dTpw", {}))
    return UpstreamClient(connection, redirect_uri="http://127.0.0.1/sign-in/from/corp")


def begun(each):
    return asyncio.run(each.begin(since=0.0, level=None))


def refusal(work, why, caplog):
    with pytest.raises(Refusal) as caught:
        asyncio.run(work)
    assert why in f"{caught.value} {caplog.text}"
    return caught.value.problem.code


def test_a_provider_that_behaves_is_found(provider):
    origin, _does, asked = provider
    assert begun(client(origin)).url.startswith(f"{origin}/authorize?")
    assert asked == ["/.well-known/openid-configuration"]


def redeemed(each):
    asked = each.resumed(state="s", nonce="n", verifier=Secret("v" * 43))
    return each.redeem(Secret("code"), asked, since=0.0)


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        ({"/.well-known/openid-configuration": "redirect"}, "redirect_refused"),
        ({"/.well-known/openid-configuration": "no"}, "bad_status"),
        ({"padding": LIMIT}, "too_large"),
        ({"/token": "redirect"}, "redirect_refused"),
        ({"metadata": {"token_endpoint": "https://10.255.0.1/token"}}, "address_refused"),
        ({"metadata": {"token_endpoint": "https://169.254.169.254/latest"}}, "address_refused"),
        ({"metadata": {"token_endpoint": "http://localhost/token"}}, "is not https"),
        ({"metadata": {"token_endpoint": "file:///etc/passwd"}}, "is not https"),
    ],
)
def test_redirects_floods_and_addresses_inside_lead_nowhere(provider, behaviour, why, caplog):
    origin, does, asked = provider
    does |= behaviour
    assert refusal(redeemed(client(origin)), why, caplog) == "provider_unavailable"
    assert "/elsewhere" not in asked


def test_a_code_that_the_provider_refuses_is_no_outage(provider, caplog):
    origin, does, _asked = provider
    does["/token"] = "no"
    assert refusal(redeemed(client(origin)), "401", caplog) == "provider_refused"


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token"])
def test_an_answer_that_drips_is_not_waited_for(provider, path, caplog):
    origin, does, _asked = provider
    does[path] = "slow"
    web = OutboundClient(allow=("127.0.0.1",), https_only=False, timeout=0.2)
    assert refusal(redeemed(client(origin, web)), "timeout", caplog) == "provider_unavailable"


def test_a_provider_inside_is_reached_only_where_its_network_is_named(caplog):
    begin = client("https://10.255.0.1").begin(since=0.0, level=None)
    assert refusal(begin, "address_refused", caplog) == "provider_unavailable"
