"""What Envoy says of a client's line, and proxies in front of it."""

import asyncio
import json
from urllib.parse import quote

import pytest

from certificates import certificate
from engines.asking import Asking
from engines.behind_envoy import behind
from tokenward.app.engines.plan import Proxies
from tokenward.gateway.doors.decisions import CERTIFICATE


@pytest.mark.parametrize("trusted", [True, False])
def test_a_proxy_in_front_is_believed_if_it_is_named(trusted):
    asking = Asking()
    networks = ("127.0.0.1", "10.0.0.0/8") if trusted else ("10.0.0.0/8",)
    shown = "-----BEGIN%20CERTIFICATE-----"
    headers = [
        ("x-forwarded-for", "6.6.6.6, 192.0.2.7, 10.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-ssl-cert", shown),
    ]

    async def run():
        async with behind(asking, proxies=Proxies(networks, "X-SSL-Cert")) as gateway:
            await gateway.ask(headers=headers)
            told = asking.facts
            assert told[b"x-tokenward-peer"] == (b"192.0.2.7" if trusted else b"127.0.0.1")
            assert told[b"x-tokenward-scheme"] == (b"https" if trusted else b"http")
            assert told.get(CERTIFICATE) == (shown.encode() if trusted else None)

    asyncio.run(run())


def test_a_proxy_that_leaves_the_clients_certificate_beside_its_own_is_not_believed():
    asking = Asking()
    forged = quote(certificate("CN=forged").pem)

    async def run():
        async with behind(asking, proxies=Proxies(("127.0.0.1",), "X-SSL-Cert")) as gateway:
            for path in ("/bank/accounts/7", "/.well-known/tokenward/health"):
                told = await gateway.ask(path, headers=[("x-ssl-cert", forged), ("X-SSL-Cert", "own")])
                assert told[0] == 400
                assert json.loads(told[2])["type"] == "urn:tokenward:problem:malformed_request"
            assert (await gateway.ask(headers=[("x-ssl-cert", "own")]))[0] == 200
            assert asking.facts[CERTIFICATE] == b"own"

    asyncio.run(run())
