"""TLS on both sides of an engine: what its clients prove, and to whom it speaks."""

import asyncio
import contextlib
import ssl
from dataclasses import replace
from functools import partial

import pytest

from certificates import certificate, certificate_authority, san
from engines import behind_envoy, behind_nginx
from engines.asking import Asking
from engines.behind import behind
from engines.over_tls import client, served
from gateway.wire import Backend, answer
from tokenward.app.certificate_header import read_certificate
from tokenward.app.engines.plan import Upstream
from tokenward.gateway.doors.decisions import CERTIFICATE

ENGINES = {"envoy": behind_envoy, "nginx": behind_nginx}


@pytest.fixture(params=ENGINES)
def running(request):
    ENGINES[request.param].program()
    return ENGINES[request.param].running


async def _ask(gateway, context, headers=()):
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, ssl=context)
    try:
        writer.write(gateway.raw(headers=headers))
        return await asyncio.wait_for(answer(reader), 20)
    finally:
        writer.close()


def test_a_certificate_whose_key_was_proved_is_told_and_no_other(running, tmp_path):
    own = certificate("CN=self-signed")
    signed = certificate(issuer=certificate_authority())
    asking = Asking()

    async def run():
        tls = served(tmp_path, asks=True)
        async with behind(running, answering=lambda _own: asking, tls=tls) as gateway:
            for held in (own, signed):
                assert (await _ask(gateway, client(tmp_path, held)))[0] == 200
                assert asking.facts[b"x-tokenward-scheme"] == b"https"
                der = read_certificate(CERTIFICATE, asking.facts[CERTIFICATE])
                assert der == ssl.PEM_cert_to_DER_cert(held.pem.decode())
            forged = [("x-tokenward-certificate", asking.facts[CERTIFICATE].decode())]
            assert (await _ask(gateway, client(tmp_path), forged))[0] == 200
            assert not asking.facts.get(CERTIFICATE)

    asyncio.run(run())


def test_old_tls_is_not_spoken(running, tmp_path):
    async def run():
        async with behind(running, answering=Asking.all, tls=served(tmp_path)) as gateway:
            assert (await _ask(gateway, client(tmp_path)))[0] == 200
            with pytest.warns(DeprecationWarning, match="TLSv1_1"):
                old = client(tmp_path, maximum_version=ssl.TLSVersion.TLSv1_1)
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await _ask(gateway, old)

    asyncio.run(run())


@contextlib.contextmanager
def _to(running, upstreams, plan, directory):
    """An engine whose API speaks TLS at those."""
    apis = tuple(replace(api, tls=True, upstreams=tuple(upstreams)) for api in plan.apis)
    with running(replace(plan, apis=apis), directory) as process:
        yield process


@contextlib.asynccontextmanager
async def _api(directory, held):
    """An API that shows this certificate, and its port. It is not at ::1, which is localhost, too."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*held.write(directory, "api"))
    backend = Backend()
    listening = await asyncio.start_server(backend.serve, "127.0.0.1", 0, ssl=context)
    try:
        yield backend, listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        backend.close()


def _upstream(host, port):
    return Upstream(host, port, f"{host}:{port}")


@pytest.mark.parametrize(
    ("name", "trusted", "passes"),
    [("dns:localhost", True, True), ("dns:localhost", False, False), ("dns:other.example", True, False)],
    ids=["its own", "of an unknown CA", "of another name"],
)
def test_an_api_is_spoken_to_if_its_certificate_is_good(
    running, tmp_path, monkeypatch, name, trusted, passes
):
    authority = certificate_authority("CN=Server CA")
    server = certificate("CN=api", issuer=authority, extensions=(san(name),))
    believed = authority if trusted else certificate_authority("CN=Another CA")
    monkeypatch.setenv("SSL_CERT_FILE", believed.write(tmp_path, "authority")[0])

    async def run():
        async with _api(tmp_path, server) as (backend, port):
            to = partial(_to, running, [_upstream("localhost", port)])
            async with behind(to, answering=Asking.all) as gateway:
                return (await gateway.ask())[0], backend.requests

    status, requests = asyncio.run(run())
    assert (status == 200, requests) == (passes, int(passes))


def test_behind_envoy_each_of_several_is_held_to_its_own_name(tmp_path, monkeypatch):
    authority = certificate_authority("CN=Server CA")
    named, addressed = (
        certificate("CN=api", issuer=authority, extensions=(san(name),))
        for name in ("dns:localhost", "ip:127.0.0.1")
    )
    monkeypatch.setenv("SSL_CERT_FILE", authority.write(tmp_path, "authority")[0])

    async def run():
        async with _api(tmp_path, named) as (one, first), _api(tmp_path, addressed) as (other, second):
            upstreams = [_upstream("localhost", first), _upstream("127.0.0.1", second)]
            to = partial(_to, behind_envoy.running, upstreams)
            async with behind(to, answering=Asking.all) as gateway:
                answered = [(await gateway.ask())[0] for _ in range(40)]
                return answered, one.requests, other.requests

    behind_envoy.program()
    answered, one, other = asyncio.run(run())
    assert set(answered) == {200}
    assert one > 0 < other
