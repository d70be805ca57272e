"""What is under way ends with its credential, and with the process."""

import asyncio
from contextlib import suppress

import pytest

from gateway.cases import COOKIE
from gateway.wire import answer, through
from tokenward.base.problems import SESSION_ENDED, Refusal
from tokenward.gateway.doors import running
from tokenward.gateway.policy import Policy
from tokenward.store.records import FeedEvent

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
DOWNLOAD = EVENTS.replace(b"text/event-stream", b"application/octet-stream")
FIRST = b"9\r\ndata: 1\n\n\r\n"


@pytest.fixture(autouse=True)
def _hurried(monkeypatch):
    monkeypatch.setattr(running, "TICK", 0.02)


class Stream:
    """A backend that sends a beginning and then nothing more, and a client that has the beginning."""

    def __init__(self, gateway, head=EVENTS):
        self.gateway = gateway
        self.left = asyncio.Event()
        self.more = asyncio.Event()

        async def respond(reader, writer):
            writer.write(head + FIRST)
            await writer.drain()
            gone = asyncio.create_task(reader.read())
            more = asyncio.create_task(self.more.wait())
            await asyncio.wait({gone, more}, return_when=asyncio.FIRST_COMPLETED)
            if more.done():
                writer.write(FIRST + b"0\r\n\r\n")
                await writer.drain()
            else:
                self.left.set()
                writer.close()
            gone.cancel()
            more.cancel()

        gateway.backend.answer = respond

    async def open(self, token="reader", path="/bank/accounts/7"):
        self.reader, self.writer = await self.gateway.open()
        self.writer.write(self.gateway.raw(path, token=token))
        await self.reader.readuntil(FIRST)

    async def rest(self):
        """What comes until the clean end, or until the connection is cut."""
        try:
            return await asyncio.wait_for(self.reader.readuntil(b"0\r\n\r\n"), 5)
        except asyncio.IncompleteReadError as cut:
            return cut.partial


def watched(scenario):
    async def watching(gateway):
        watch = asyncio.create_task(gateway.door.watch_running())
        await scenario(gateway)
        assert not watch.done()
        watch.cancel()

    through(watching)


def revoke(gateway, name="reader"):
    world = gateway.world
    gone = world.known.pop(world.tokens[name])
    world.engine.verified.on_event(FeedEvent(1, "token", gone.token_id, 0.0))


ENDS = {
    "revoked": revoke,
    "expired": lambda gateway: gateway.world.clock.advance(600),
    "unconfirmed": lambda gateway: setattr(gateway.world, "fresh", False),
    "not allowed any more": lambda gateway: setattr(
        gateway.world.engine, "policy", Policy(gateway.world.policy.apis[:1])
    ),
    "store down": lambda gateway: (gateway.world.unavailable(), gateway.world.engine.verified.clear()),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_stream_of_events_ends_with_its_credential(end):
    async def scenario(gateway):
        stream = Stream(gateway)
        await stream.open()
        end(gateway)
        assert await stream.rest() == b"0\r\n\r\n"  # politely: the client asks again, and is told why
        await stream.left.wait()
        stream.writer.close()

    watched(scenario)


def test_a_stream_whose_credential_is_good_goes_on():
    async def scenario(gateway):
        stream = Stream(gateway)
        await stream.open()
        lookups = gateway.world.lookups
        revoke(gateway, "writer")
        gateway.world.engine.verified.clear()
        while gateway.world.lookups == lookups:  # noqa: ASYNC110 - it is asked about again
            await asyncio.sleep(0.01)
        stream.more.set()
        assert await stream.rest() == FIRST + b"0\r\n\r\n"
        assert gateway.world.lookups == lookups + 1  # once, not at every look
        stream.writer.close()

    watched(scenario)


def test_what_anybody_may_read_ends_with_nobodys_credential():
    async def scenario(gateway):
        stream = Stream(gateway)
        await stream.open(token=None, path="/weather/about")
        revoke(gateway)
        gateway.world.fresh = False
        await asyncio.sleep(0.2)
        stream.more.set()
        assert await stream.rest() == FIRST + b"0\r\n\r\n"
        stream.writer.close()

    watched(scenario)


def test_a_download_is_cut_off_when_its_token_is_revoked():
    async def scenario(gateway):
        stream = Stream(gateway, DOWNLOAD)
        await stream.open()
        revoke(gateway)
        assert await stream.rest() == b""  # no clean end
        stream.writer.close()

    watched(scenario)


def test_a_stream_is_asked_about_now_and_then_where_nobody_tells_of_a_revocation():
    async def scenario(gateway):
        place = gateway.world.place
        stream = Stream(gateway)
        await stream.open("their_opaque", "/partner/orders")
        gateway.world.clock.advance(31)
        while len(place.questions) < 2:  # noqa: ASYNC110 - asked by the watch
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert len(place.questions) == 2, "and then it is good for some time again"
        place.stranger.tokens.clear()
        gateway.world.clock.advance(31)
        assert await stream.rest() == b"0\r\n\r\n", "its end"
        stream.writer.close()

    watched(scenario)


def test_a_stream_ends_soon_after_its_session(monkeypatch):
    monkeypatch.setattr(running, "SESSION_SECONDS", 0.05)

    async def scenario(gateway):
        sessions, asked = gateway.world.sessions, []

        async def token(session, *, refused=""):
            asked.append(session)
            if len(asked) > 3:
                raise Refusal(SESSION_ENDED)
            return gateway.world.tokens["reader"]

        sessions.token = token
        gateway.world.clock.advance(0)
        stream = Stream(gateway)
        stream.reader, stream.writer = await gateway.open()
        shown = (("cookie", f"{COOKIE}=of-it"), ("tokenward-csrf", "1"))
        stream.writer.write(gateway.raw("/bank/accounts/7", "GET", shown))
        await stream.reader.readuntil(FIRST)
        for _ in range(3):
            await asyncio.sleep(0.1)
            gateway.world.clock.advance(0.1)
        assert await stream.rest() == b"0\r\n\r\n"
        assert len(asked) == 4
        stream.writer.close()

    watched(scenario)


def test_a_download_outlives_the_end_of_its_token():
    async def scenario(gateway):
        stream = Stream(gateway, DOWNLOAD)
        await stream.open()
        gateway.world.clock.advance(600)
        gateway.world.engine.verified.clear()
        await asyncio.sleep(0.2)
        stream.more.set()
        assert await stream.rest() == FIRST + b"0\r\n\r\n"
        stream.writer.close()

    watched(scenario)


def test_a_request_that_waits_for_its_answer_gets_a_refusal():
    async def scenario(gateway):
        arrived = asyncio.Event()

        async def respond(reader, _writer):
            arrived.set()
            await reader.read()

        gateway.backend.answer = respond
        asking = asyncio.create_task(gateway.ask())
        await arrived.wait()
        revoke(gateway)
        assert (await asking)[0] == 401

    watched(scenario)


def test_what_is_revoked_while_it_is_decided_on_ends_too():
    async def scenario(gateway):
        world = gateway.world
        world.gate = asyncio.Event()
        stream = Stream(gateway)
        opening = asyncio.create_task(stream.open())
        while not world.lookups:  # noqa: ASYNC110 - the lookup has begun, and knows the token
            await asyncio.sleep(0.01)
        revoke(gateway)
        world.gate.set()
        with suppress(asyncio.IncompleteReadError):  # it was seen before the answer began
            await opening
            assert await stream.rest() == b"0\r\n\r\n"
        if gateway.backend.heads:  # or even before anybody was asked
            await asyncio.wait_for(stream.left.wait(), 5)
        stream.writer.close()

    watched(scenario)


def test_one_who_guesses_ends_nobody_elses_stream_at_that_address():
    async def scenario(gateway):
        stream = Stream(gateway)
        await stream.open()
        while (await gateway.ask(token="unknown"))[0] != 429:
            pass
        gateway.world.engine.verified.clear()
        await asyncio.sleep(0.2)
        stream.more.set()
        assert await stream.rest() == FIRST + b"0\r\n\r\n"
        stream.writer.close()

    watched(scenario)


def test_nor_does_one_who_guesses_keep_a_stream_whose_token_was_revoked():
    async def scenario(gateway):
        stream = Stream(gateway)
        await stream.open()
        gateway.world.clock.advance(1)
        while (await gateway.ask(token="unknown"))[0] != 429:
            pass
        revoke(gateway)
        assert await stream.rest() == b"0\r\n\r\n"
        stream.writer.close()

    watched(scenario)


def test_an_issuer_that_does_not_answer_keeps_nobody_elses_stream():
    async def scenario(gateway):
        theirs, ours = Stream(gateway), Stream(gateway)
        await theirs.open("their_opaque", "/partner/orders")
        await ours.open()
        asked, silence = asyncio.Event(), asyncio.Event()

        async def silent():
            asked.set()
            await silence.wait()
            return b'{"active": false}'

        gateway.world.place.answer = lambda _form: silent()
        gateway.world.clock.advance(30)
        await asyncio.wait_for(asked.wait(), 5)
        revoke(gateway)
        assert await ours.rest() == b"0\r\n\r\n"
        silence.set()
        assert await theirs.rest() == b"0\r\n\r\n"
        for stream in (theirs, ours):
            stream.writer.close()

    watched(scenario)


def test_who_leaves_says_so_and_ends_streams_but_no_downloads():
    async def scenario(gateway):
        events, download = Stream(gateway), None
        await events.open()
        download = Stream(gateway, DOWNLOAD)
        await download.open()
        gateway.door.leave()
        assert await events.rest() == b"0\r\n\r\n"
        status, _, body = await gateway.ask("/.well-known/tokenward/health", headers=())
        assert (status, body) == (503, b'{"status":"leaving"}')
        download.more.set()
        assert await download.rest() == FIRST + b"0\r\n\r\n"
        events.writer.close()
        download.writer.close()

    watched(scenario)


def test_nothing_is_remembered_of_what_is_over():
    async def scenario(gateway):
        reader, writer = await gateway.open()
        for _ in range(3):
            writer.write(gateway.raw())
            assert (await answer(reader))[0] == 200
        writer.close()
        while gateway.door._running._held:  # noqa: ASYNC110 - the last one is being put away
            await asyncio.sleep(0.01)

    watched(scenario)
