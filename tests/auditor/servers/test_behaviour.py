"""Servers that do one thing wrong, and one that does nothing wrong: exactly that is found."""

import asyncio

import httpx
import pytest

from auditor.servers.good import NOW
from auditor.servers.weak import CLIENT, WeakServer
from tokenward.auditor.servers.asking import Asker
from tokenward.auditor.servers.audit import ACTS, Permission, audit_server
from tokenward.auditor.servers.redirects import ELSEWHERE, LOOSE
from tokenward.auditor.servers.visit import Client
from tokenward.base.outbound import Answer, OutboundError
from tokenward.base.severity import Confidence

ISSUER = "http://127.0.0.1:4444"
REDIRECT = "https://app.example:444/callback"
REGISTER = {"registration_endpoint": f"{ISSUER}/register"}


class InProcess:
    """Reaches an application without a network, as the outbound client reaches a server."""

    def __init__(self, app):
        self.transport = httpx.ASGITransport(app)
        self.methods = []

    def exchange(self, method, url, *, headers=None, body=None):
        assert url.startswith(ISSUER), "nothing else is ever asked"
        self.methods.append(method)
        reply = asyncio.run(self._reply(method, url, headers, body))
        named = tuple((name.lower(), value) for name, value in reply.headers.multi_items())
        return Answer(reply.status_code, reply.content, named)

    async def _reply(self, method, url, headers, body):
        request = httpx.Request(method, url, headers=headers, content=body)
        reply = await self.transport.handle_async_request(request)
        await reply.aread()
        return reply


def audited(server, *, client=True, redirect=REDIRECT):
    permission = Permission(Client(CLIENT, redirect, "openid") if client else None)
    asker = Asker(InProcess(server.app), pause=0.0)
    return audit_server(asker, ISSUER, resource="", at=NOW, permission=permission)


def weak(*faults, more=(), redirect=REDIRECT, **settings):
    members = REGISTER if {"registration-open", "registration-lax"} & set(faults) else None
    return WeakServer(ISSUER, faults, [redirect, *more], members=members, **settings)


def ids(result):
    return {finding.check.id.removeprefix("server.") for finding in result.findings}


# What is found besides, because one mistake brings the other with it.
ALSO = {
    "nothing-ties": {"pkce-optional"},
    "registration-open": {"registration"},
    "registration-lax": {"registration", "registration-open"},
}
FAULTS = (
    "redirect-for-strangers",
    "token-response",
    "pkce-optional",
    "plain-taken",
    "any-challenge",
    "nothing-ties",
    "parameters-twice",
    "request-uri-fetched",
    "request-unsigned",
    "iss-unsaid",
    "state-changed",
    "redirect-repeats",
    "markup",
    "page-framed",
    "page-stored",
    "page-referrer",
    "cookie-flags",
    "authorize-cors",
    "anybody",
    "breaks",
    "client-refusal",
    "token-get",
    "secret-in-query",
    "password-taken",
    "token-cors-credentials",
    "introspection-open",
    "revocation-open",
    "userinfo-open",
    "userinfo-query",
    "registration-open",
    "insides",
    "secret-echoed",
)


def test_a_good_server_has_no_finding():
    result = audited(weak())
    assert result.findings == ()
    assert result.unseen == ()
    assert result.complete


def test_a_good_server_that_does_not_know_prompts_has_none_either():
    result = audited(weak(reads_prompt=False))
    assert (result.findings, result.unseen) == ((), ())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_nothing_else(fault):
    faults = {fault, *(ALSO.get(fault, set()) - {"registration"})}
    assert ids(audited(weak(*faults))) == {fault} | ALSO.get(fault, set())


@pytest.mark.parametrize("fault", ["pkce-optional", "plain-taken", "token-response", "parameters-twice"])
def test_without_prompts_it_follows_from_how_pages_look_and_is_less_sure(fault):
    (finding,) = audited(weak(fault, reads_prompt=False)).findings
    assert (finding.check.id, finding.confidence) == (f"server.{fault}", Confidence.MEDIUM)


@pytest.mark.parametrize("variant", ELSEWHERE, ids=lambda variant: variant.name.replace(" ", "-"))
def test_an_address_on_another_host_is_tried(variant):
    assert ids(audited(weak(more=[variant.change(REDIRECT)]))) == {"redirect-elsewhere"}


@pytest.mark.parametrize("variant", LOOSE, ids=lambda variant: variant.name.replace(" ", "-"))
def test_an_address_that_is_nearly_registered_is_tried(variant):
    assert ids(audited(weak(more=[variant.change(REDIRECT)]))) == {"redirect-loose"}


@pytest.mark.parametrize("variant", LOOSE[:3], ids=lambda variant: variant.name.replace(" ", "-"))
def test_so_it_is_where_the_server_shows_its_page_only(variant):
    result = audited(weak(more=[variant.change(REDIRECT)], reads_prompt=False))
    assert ids(result) == {"redirect-loose"}


def test_a_native_app_may_choose_its_port():
    native = "http://127.0.0.1/callback"
    assert (
        ids(audited(weak(redirect=native, more=["http://127.0.0.1:8443/callback"]), redirect=native)) == set()
    )


def test_a_server_that_falls_back_to_the_registered_address_sends_nobody_elsewhere():
    assert ids(audited(weak(falls_back=True))) == set()


def test_the_page_of_another_host_is_left_alone():
    result = audited(weak(signs_in_at="https://accounts.example/sign-in"))
    assert ids(result) == set()
    assert any("accounts.example" in each.why for each in result.unseen)


def test_every_act_has_a_fault():
    redirects = {"redirect-elsewhere", "redirect-loose"}
    known = {act.check.id.removeprefix("server.") for acts in ACTS.values() for act in acts}
    assert known == set(FAULTS) | redirects


SERVERS = {
    "a server of 2012": {"token-response", "pkce-optional", "nothing-ties", "password-taken", "page-framed"},
    "a server that is lax with addresses": {"redirect-for-strangers", "parameters-twice", "token-get"},
    "a server that talks": {"insides", "secret-echoed", "userinfo-query", "introspection-open"},
}


@pytest.mark.parametrize("name", SERVERS)
def test_of_several_faults_each_is_found(name):
    assert ids(audited(weak(*SERVERS[name]))) == SERVERS[name]


def test_what_was_registered_in_the_attempt_is_removed_again():
    server = weak("registration-lax")
    (finding,) = (each for each in audited(server).findings if each.check.id == "server.registration-open")
    assert "removed again" in finding.detail
    assert server.clients == {CLIENT}


def test_without_a_client_the_rest_is_tried_and_what_needs_one_is_left_out():
    result = audited(weak("introspection-open", "pkce-optional", "redirect-for-strangers"), client=False)
    assert ids(result) == {"introspection-open", "redirect-for-strangers"}
    assert result.unseen
    assert all(each.skipped for each in result.unseen)


def test_a_client_that_is_refused_is_told_and_nothing_follows_from_it():
    server = weak("pkce-optional")
    server.redirect_uris = ["https://another.example/"]
    result = audited(server)
    assert ids(result) == set()
    assert any("alike" in each.why and not each.skipped for each in result.unseen)


def test_endpoints_of_other_hosts_are_left_alone_unless_they_are_named():
    server = weak("introspection-open")
    server.members = {"introspection_endpoint": "https://elsewhere.example/introspect"}
    result = audited(server)
    assert "introspection-open" not in ids(result)
    (left,) = (each for each in result.unseen if "elsewhere.example" in each.what)
    assert left.skipped
    assert "--host elsewhere.example" in left.why


def test_nothing_is_tried_without_permission():
    http = InProcess(weak("anybody", "introspection-open").app)
    result = audit_server(Asker(http, pause=0.0), ISSUER, resource="", at=NOW)
    assert ids(result) == set()
    assert set(http.methods) == {"GET"}
    assert len(http.methods) == 3
    assert any("--active" in note for note in result.notes)


class EndsEarly(InProcess):
    def exchange(self, method, url, *, headers=None, body=None):
        if "response_type=token" in url:
            raise KeyboardInterrupt
        return super().exchange(method, url, headers=headers, body=body)


class FailsOnce(InProcess):
    def exchange(self, method, url, *, headers=None, body=None):
        if url.endswith("/introspect"):
            raise OutboundError("timeout", "not finished within 10 s")
        return super().exchange(method, url, headers=headers, body=body)


def told_by(http):
    permission = Permission(Client(CLIENT, REDIRECT, "openid"))
    return audit_server(Asker(http, pause=0.0), ISSUER, resource="", at=NOW, permission=permission)


def test_what_was_found_before_an_early_end_is_kept():
    result = told_by(EndsEarly(weak("redirect-for-strangers", "pkce-optional").app))
    assert ids(result) == {"redirect-for-strangers"}
    assert not result.complete


def test_an_endpoint_that_does_not_answer_keeps_nothing_else_from_being_tried():
    result = told_by(FailsOnce(weak("revocation-open").app))
    assert ids(result) == {"revocation-open"}
    assert {each.why for each in result.unseen} == {"not finished within 10 s"}
    assert not any(each.skipped for each in result.unseen)
