"""The header in which a gateway of its own is told certificates: what it says, Envoy says, and no client."""

import asyncio
import tempfile
from pathlib import Path

import pytest

from certificates import certificate
from engines.behind import free, planned
from engines.behind_envoy import running
from engines.over_tls import client, served
from gateway.wire import answer
from gateway.world import World
from tokenward.app.certificate_header import read_certificate

NAME = b"x-ssl-cert"


async def _told(plan, directory, raw, context=None):
    """The certificates that the gateway is told of that request."""
    seen = []

    async def gateway(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        seen.extend(
            line.partition(b":")[2].strip()
            for line in head.split(b"\r\n")
            if line.lower().startswith(NAME + b":")
        )
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_unix_server(gateway, str(directory / "gateway")):
        with running(plan, directory):
            reader, writer = await asyncio.open_connection("127.0.0.1", plan.listen.port, ssl=context)
            writer.write(raw)
            assert (await asyncio.wait_for(answer(reader), 10))[0] == 200
            writer.close()
    return seen


@pytest.mark.parametrize("shows", ["plain", "none", "own"])
def test_a_client_cannot_tell_the_gateway_of_a_certificate(tmp_path, shows):
    """Without TLS, and without a certificate, it is told of none; otherwise of the one that was proved."""
    forged, own = certificate("CN=forged"), certificate("CN=own")
    tls = None if shows == "plain" else served(tmp_path, asks=True)
    context = None if tls is None else client(tmp_path, own if shows == "own" else None)
    said = forged.pem.replace(b"\n", b"%0A").replace(b" ", b"%20")
    raw = b"GET /x HTTP/1.1\r\nhost: a\r\n%s: %s\r\n\r\n" % (NAME, said)
    with tempfile.TemporaryDirectory(prefix="tokenward-") as place:
        directory = Path(place)
        plan = planned(
            World("http://127.0.0.1:1"), directory, free(),
            apis=(), tls=tls, certificate_header=NAME.decode(),
        )  # fmt: skip
        told = asyncio.run(_told(plan, directory, raw, context))
    if shows == "own":
        (one,) = told
        assert read_certificate(NAME, one) == read_certificate(NAME, own.pem.replace(b"\n", b"%0A"))
    else:
        assert told == []
