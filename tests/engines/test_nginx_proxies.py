"""nginx behind named proxies: what they say of their clients, and what no client says in their name."""

import json
from urllib.parse import quote

import pytest

from certificates import certificate
from engines.behind_nginx import through
from tokenward.app.engines.plan import Proxies

SHOWN, FORGED = (quote(certificate().pem).encode() for _ in range(2))
PROOF, FORGERY = b"X-Mine-Cert: " + SHOWN + b"\r\n", b"X-Mine-Cert: " + FORGED + b"\r\n"


def behind(scenario, *networks):
    async def listening(gateway):
        gateway.asked = []
        decisions = gateway.listener.answering

        async def answering(request):
            gateway.asked.append(request.headers)
            return await decisions(request)

        gateway.listener.answering = answering
        await scenario(gateway)

    through(listening, more={"proxies": Proxies(networks, "X-Mine-Cert")})


def with_lines(gateway, lines):
    return gateway.raw().removesuffix(b"\r\n") + lines + b"\r\n"


def test_a_proxy_tells_the_certificate_and_its_header_goes_no_further():
    async def scenario(gateway):
        status, *_ = await gateway.send(with_lines(gateway, PROOF + b"X-Forwarded-Proto: https\r\n"))
        told = dict(gateway.asked[-1])
        assert (status, told[b"x-tokenward-certificate"], told[b"x-tokenward-scheme"]) == (
            *(200, SHOWN),
            b"https",
        )
        assert b"x-mine-cert" not in told
        # By way of the gateway's own listener as well.
        await gateway.send(with_lines(gateway, PROOF + b"accept: text/event-stream\r\n"))
        assert gateway.backend.requests == 2
        assert not any(b"mine" in head.lower() for head in gateway.backend.heads)

    behind(scenario, "127.0.0.0/8")


@pytest.mark.parametrize("way", [b"", b"accept: text/event-stream\r\n"], ids=["nginx", "the gateway"])
@pytest.mark.parametrize(
    "lines",
    [
        FORGERY.replace(b"-", b"_", 2),
        FORGERY.replace(b"-", b"_", 2) + PROOF,
        PROOF + FORGERY.replace(b"-", b"_", 2),
        FORGERY.replace(b"X-Mine-Cert", b"x-MINE_cert"),
        FORGERY.replace(b"X-Mine-Cert", b"X.Mine-Cert-"),
        FORGERY + PROOF,
    ],
)
def test_a_certificate_is_told_once_and_under_its_very_name(lines, way):
    """nginx finds `X_Mine_Cert` by `$http_x_mine_cert`, and proxies pass such names of their clients on."""

    async def scenario(gateway):
        status, _, body = await gateway.send(with_lines(gateway, lines + way))
        assert (status, json.loads(body)["type"]) == (400, "urn:tokenward:problem:malformed_request")
        assert (gateway.asked, gateway.backend.requests) == ([], 0)

    behind(scenario, "127.0.0.1")


def test_who_is_no_proxy_tells_no_certificate():
    async def scenario(gateway):
        assert (await gateway.send(with_lines(gateway, PROOF)))[0] == 400
        assert (gateway.asked, gateway.backend.requests) == ([], 0)

    behind(scenario, "192.0.2.1")


@pytest.mark.parametrize("said", [b"X_Forwarded_Proto: https\r\n", b"x-forwarded_proto: https\r\n"])
@pytest.mark.parametrize("told", [b"", b"X-Forwarded-Proto: http\r\n"])
def test_how_a_client_came_is_told_under_its_very_name(said, told):
    async def scenario(gateway):
        assert (await gateway.send(with_lines(gateway, said + told)))[0] == 200
        assert dict(gateway.asked[-1])[b"x-tokenward-scheme"] == b"http"
        assert gateway.backend.header("x-forwarded-proto") == ["http"]

    behind(scenario, "127.0.0.1")


@pytest.mark.parametrize("way", [b"", b"accept: text/event-stream\r\n"], ids=["nginx", "the gateway"])
def test_whoever_carries_it_the_api_hears_whose_the_request_is(way):
    said = b"X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: https\r\n"

    async def scenario(gateway):
        assert (await gateway.send(with_lines(gateway, said + way)))[0] == 200
        assert gateway.backend.header("x-forwarded-for") == ["198.51.100.7"]
        assert gateway.backend.header("x-forwarded-proto") == ["https"]

    behind(scenario, "127.0.0.1")
