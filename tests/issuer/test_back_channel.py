"""Applications are told that a session has ended: what, by whom, how often, and where never."""

import asyncio
import json
import logging
from dataclasses import replace

import pytest

from issuer.house import CALLBACK, URL, House, lived
from issuer.test_claims import JWKS, read
from tokenward.base.outbound import OutboundClient, OutboundError
from tokenward.base.problems import INVALID_INPUT, Refusal
from tokenward.issuer.back_channel import AGAIN, BackChannel, sending
from tokenward.store.records import RelyingParty
from tokenward.tokens import base64url
from tokenward.tokens.subjects import subject
from tokenward.tokens.validator import JwtValidator

ADDRESS = "https://app.example/logout"
TOLD = RelyingParty(backchannel_logout_uri=ADDRESS)


class Party:
    """The server behind the address: answers with each of these, and the last one from then on."""

    def __init__(self, *answers: int | OutboundError) -> None:
        self.answers = list(answers) or [200]
        self.tokens: list[str] = []
        self.addresses: list[str] = []

    async def __call__(self, url: str, logout_token: str) -> int:
        self.tokens.append(logout_token)
        self.addresses.append(url)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OutboundError):
            raise answer
        return answer


def channel(h: House, party) -> BackChannel:
    issuer = h.issuer
    return BackChannel(issuer.store, URL, issuer.pairwise_key, issuer.signing_keys, party, clock=h.clock)


async def signed_in(h: House, openid=TOLD, **policy):
    """An app, and the claims of the ID token of a sign-in to it."""
    app = await h.client("web", "openid", openid=openid, **policy)
    body = (await app.redeem(await app.code(prompt="consent"))).json()
    return app, read(body["id_token"], openid.id_token_signed_response_alg)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_logout_token_is_one_that_a_relying_party_accepts(algorithm, tmp_path):
    @lived
    async def told(h: House):
        openid = replace(TOLD, id_token_signed_response_alg=algorithm)
        app, claims = await signed_in(h, openid, subject_type="pairwise")
        await h.issuer.store.end_session("session-1")
        party = Party()
        assert await channel(h, party).tell_due() == 1
        assert party.addresses == [ADDRESS]
        (token,) = party.tokens
        said = JwtValidator(
            issuer=URL, audience=app.id, keys=JWKS, algorithms=[algorithm], kind="logout+jwt", clock=h.clock
        ).validate(token)
        assert (said.subject, said["sid"]) == (claims["sub"], claims["sid"])
        assert said.subject == subject(h.issuer.pairwise_key, "user-1", "app.example") != "user-1"
        assert said["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
        assert 0 < said.expires_at - said.issued_at <= 120
        assert "nonce" not in said
        header = json.loads(base64url.decode(token.split(".")[0]))
        assert header["typ"] == "logout+jwt"
        assert await channel(h, party).tell_due() == 0, "once"

    told(tmp_path)


@lived
async def test_every_application_of_the_session_is_told_under_its_own_name_and_no_other(h: House):
    first, of_first = await signed_in(h)
    second, of_second = await signed_in(h)
    await h.client("web", "openid", openid=TOLD)
    await h.issuer.store.end_session("session-1")
    party = Party()
    await channel(h, party).tell_due()
    said = {read(token, "RS256")["aud"]: read(token, "RS256")["sid"] for token in party.tokens}
    assert said == {first.id: of_first["sid"], second.id: of_second["sid"]}
    assert of_first["sid"] != of_second["sid"]


@lived
async def test_signing_out_at_the_request_of_one_tells_the_others(h: House):
    app, _ = await signed_in(h)
    other = await h.client("web", "openid")
    hint = (await other.redeem(await other.code(prompt="consent"))).json()["id_token"]
    assert (await h.http.get(f"/end-session?id_token_hint={hint}")).status_code == 200
    party = Party()
    await channel(h, party).tell_due()
    assert [read(token, "RS256")["aud"] for token in party.tokens] == [app.id]


@lived
async def test_what_is_not_taken_is_tried_again_with_a_new_token_and_in_the_end_given_up(h: House):
    await signed_in(h)
    await h.issuer.store.end_session("session-1")
    party = Party(OutboundError("unreachable", "https://app.example: refused"), 503, 400)
    tells = channel(h, party)
    assert await tells.tell_due() == 1
    for pause in AGAIN:
        h.clock.advance(pause - 0.5)
        assert await tells.tell_due() == 0, "not yet"
        h.clock.advance(0.5)
        assert await tells.tell_due() == 1
    h.clock.advance(1e6)
    assert await tells.tell_due() == 0, "given up"
    assert len(party.tokens) == len(AGAIN) + 1
    assert len({read(token, "RS256")["jti"] for token in party.tokens}) == len(party.tokens)
    assert all(read(token, "RS256")["exp"] for token in party.tokens)


@lived
async def test_one_that_is_taken_later_is_not_told_again(h: House):
    await signed_in(h)
    await h.issuer.store.end_session("session-1")
    party = Party(500, 204)
    tells = channel(h, party)
    await tells.tell_due()
    h.clock.advance(AGAIN[0])
    await tells.tell_due()
    h.clock.advance(1e6)
    assert await tells.tell_due() == 0


@lived
async def test_a_redirect_or_another_answer_is_no_yes(h: House):
    await signed_in(h)
    await h.issuer.store.end_session("session-1")
    for status in (201, 302, 401):
        tells = channel(h, Party(status))
        await tells.tell_due()
        h.clock.advance(3600)
        assert await tells.tell_due() == 1, status
        h.clock.advance(3600)


@lived
async def test_nothing_is_told_without_a_key_and_it_is_not_lost(h: House):
    await signed_in(h)
    await h.issuer.store.end_session("session-1")
    party = Party()
    h.issuer.signing_keys.fresh = False
    await channel(h, party).tell_due()
    assert party.tokens == []
    h.issuer.signing_keys.fresh = True
    h.clock.advance(AGAIN[0])
    await channel(h, party).tell_due()
    assert len(party.tokens) == 1


@lived
async def test_a_client_that_is_gone_is_told_nothing(h: House):
    app, _ = await signed_in(h)
    await h.issuer.store.end_session("session-1")
    await h.issuer.store.remove_client(app.id, h.clock.time())
    party = Party()
    assert await channel(h, party).tell_due() == 1
    assert party.tokens == []
    h.clock.advance(1e6)
    assert await channel(h, party).tell_due() == 0


@lived
async def test_the_log_has_neither_token_nor_path(h: House):
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    handler = Kept()
    logging.getLogger("tokenward.issuer").addHandler(handler)
    try:
        await signed_in(h, replace(TOLD, backchannel_logout_uri=f"{ADDRESS}/s3cret-path"))
        await h.issuer.store.end_session("session-1")
        party = Party(500)
        await channel(h, party).tell_due()
    finally:
        logging.getLogger("tokenward.issuer").removeHandler(handler)
    told = [line for line in lines if "was not told of a logout" in line]
    assert len(told) == 1
    assert "s3cret" not in told[0]
    assert party.tokens[0][:20] not in "".join(lines)


@pytest.mark.parametrize("address", ["10.0.0.7", "169.254.169.254", "127.0.0.1", "::1"])
def test_an_inside_address_is_never_called(address):
    """What a client registers may resolve to anything, later, too (§2.5 and SSRF)."""
    send = sending(OutboundClient(resolver=lambda _host, _port: [address]))
    with pytest.raises(OutboundError) as refused:
        asyncio.run(send("https://app.example/logout", "x"))
    assert refused.value.code == "address_refused"


@lived
async def test_what_cannot_be_registered(h: House):
    for kind, openid, why in (
        ("web", replace(TOLD, backchannel_logout_uri="http://app.example/"), "must be https"),
        ("web", replace(TOLD, backchannel_logout_uri="https://u:p@app.example/"), "a password"),
        ("web", replace(TOLD, backchannel_logout_uri="https://app.example/#x"), "a fragment"),
        ("spa", TOLD, "only a web client"),
        ("native", TOLD, "only a web client"),
        ("web", RelyingParty(backchannel_logout_session_required=True), "needs a backchannel_logout_uri"),
        ("web", RelyingParty(post_logout_redirect_uris=("http://app.example/",)), "http is for this machine"),
        ("web", RelyingParty(post_logout_redirect_uris=(CALLBACK, CALLBACK)), "twice"),
        ("web", RelyingParty(post_logout_redirect_uris=("javascript:alert(1)",)), "use https"),
        ("device", RelyingParty(post_logout_redirect_uris=("https://a.example/",)), "no browser"),
        ("web", RelyingParty(userinfo_claims=("*",)), "no wildcard"),
        ("web", RelyingParty(userinfo_claims=("may_act",)), "for the issuer alone"),
        ("web", RelyingParty(userinfo_signed_response_alg="none"), "userinfo_signed_response_alg is one of"),
        ("web", RelyingParty(id_token_signed_response_alg=""), "id_token_signed_response_alg is one of"),
        ("service", RelyingParty(userinfo_claims=("email",)), "nobody signs in"),
    ):
        scopes = ("accounts:read",) if kind == "service" else ("openid",)
        with pytest.raises(Refusal) as refused:
            await h.client(kind, *scopes, openid=openid)
        assert refused.value.problem is INVALID_INPUT
        assert why in refused.value.detail, openid
