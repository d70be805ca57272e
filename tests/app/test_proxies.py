"""Who the peer is: the other end of the connection, unless that is a proxy that the operator named."""

import asyncio
import json

import httpx
import pytest

from tokenward.app.listener import Listener, bind


async def _app(scope, _receive, send):
    body = json.dumps([scope["client"][0], scope["scheme"]]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def _ask(proxies, headers):
    async def inner():
        sock = bind("127.0.0.1", 0)
        stop = asyncio.Event()
        serving = asyncio.create_task(Listener(_app, sock, proxies=proxies).run_until(stop))
        async with httpx.AsyncClient(trust_env=False) as http:
            url = f"http://127.0.0.1:{sock.getsockname()[1]}/"
            for _ in range(100):
                try:
                    answer = await http.get(url, headers=headers)
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0.02)
        stop.set()
        await serving
        return answer.json()

    return asyncio.run(inner())


CLAIM = {"x-forwarded-for": "203.0.113.9, 198.51.100.7", "x-forwarded-proto": "https"}


@pytest.mark.parametrize("proxies", [(), ("192.0.2.1",), ("10.0.0.0/8", "::1")])
def test_a_stranger_may_claim_what_it_likes(proxies):
    assert _ask(proxies, CLAIM) == ["127.0.0.1", "http"]


@pytest.mark.parametrize("proxies", [("127.0.0.1",), ("127.0.0.0/8",)])
def test_a_named_proxy_tells_the_peer_that_it_saw_and_not_what_that_peer_claimed(proxies):
    assert _ask(proxies, CLAIM) == ["198.51.100.7", "https"]


def test_a_chain_of_named_proxies_is_followed_to_the_first_stranger():
    assert _ask(("127.0.0.1", "198.51.100.7"), CLAIM) == ["203.0.113.9", "https"]
