"""What Envoy says of a client's line: TLS, its certificate, and proxies in front."""

import asyncio
import json
import ssl
from urllib.parse import quote

import pytest

from certificates import LOOPBACK, certificate, certificate_authority
from engines.behind_envoy import ALLOW, behind
from gateway.wire import answer
from tokenward.app.certificate_header import read_certificate
from tokenward.app.engines.plan import Proxies, Tls
from tokenward.gateway.doors.answers import Answer
from tokenward.gateway.doors.decisions import CERTIFICATE

SERVER = certificate("CN=server", extensions=(LOOPBACK,))


def _files(directory, held):
    return [directory / name for name in held.write(directory, "server")]


def _context(directory, held=None, **limits):
    context = ssl.create_default_context(cadata=SERVER.pem.decode())
    for name, value in limits.items():
        setattr(context, name, value)
    if held is not None:
        context.load_cert_chain(*held.write(directory, "client"))
    return context


async def _ask(gateway, context, headers=()):
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, ssl=context)
    try:
        writer.write(gateway.raw(headers=headers))
        return await answer(reader)
    finally:
        writer.close()


def _facts(asked):
    return {name: value for name, value in asked.headers if name.startswith(b"x-tokenward-")}


class Asking:
    """Allows all, and keeps what it was asked."""

    def __init__(self):
        self.last = None

    async def __call__(self, asked):
        self.last = asked
        return Answer(200, ALLOW, b"")


def test_a_certificate_whose_key_was_proved_is_told_and_no_other(tmp_path):
    own = certificate("CN=self-signed")
    signed = certificate(issuer=certificate_authority())
    asking = Asking()

    async def run():
        tls = Tls(*_files(tmp_path, SERVER), asks=True)
        async with behind(asking, tls=tls) as gateway:
            for held in (own, signed):
                assert (await _ask(gateway, _context(tmp_path, held)))[0] == 200
                told = _facts(asking.last)
                assert told[b"x-tokenward-scheme"] == b"https"
                der = read_certificate(CERTIFICATE, told[CERTIFICATE])
                assert der == ssl.PEM_cert_to_DER_cert(held.pem.decode())
            forged = [("x-tokenward-certificate", told[CERTIFICATE].decode())]
            assert (await _ask(gateway, _context(tmp_path), forged))[0] == 200
            assert not _facts(asking.last).get(CERTIFICATE)

    asyncio.run(run())


def test_old_tls_is_not_spoken(tmp_path):
    async def run():
        async with behind(Asking(), tls=Tls(*_files(tmp_path, SERVER))) as gateway:
            assert (await _ask(gateway, _context(tmp_path)))[0] == 200
            with pytest.warns(DeprecationWarning, match="TLSv1_1"):
                old = _context(tmp_path, maximum_version=ssl.TLSVersion.TLSv1_1)
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await _ask(gateway, old)

    asyncio.run(run())


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
            told = _facts(asking.last)
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
            assert _facts(asking.last)[CERTIFICATE] == b"own"

    asyncio.run(run())
