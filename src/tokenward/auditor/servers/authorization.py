"""Requests for authorization that should be refused, and what every answer to one should have."""

import json

from tokenward.auditor.findings import Check
from tokenward.auditor.servers.listening import listening
from tokenward.auditor.servers.rules import Found, is_loopback, listed
from tokenward.auditor.servers.visit import (
    EVIL,
    MARKUP,
    Act,
    CannotTell,
    Visit,
    leads_to,
    pages,
    parameters_of,
)
from tokenward.base.entropy import identifier
from tokenward.base.severity import Severity
from tokenward.tokens import base64url

_ENDPOINT = "authorization_endpoint"
_NO_PKCE = {"code_challenge": None, "code_challenge_method": None}
_TOKEN_TYPES = ("token", "code token", "id_token token")


def _sent_for_strangers(visit: Visit) -> Found:
    url = visit.endpoint(_ENDPOINT)
    if not url:
        return
    query = (
        f"response_type=code&client_id={identifier()}&redirect_uri=https%3A%2F%2Fstranger.example%2Fcallback"
    )
    reply = visit.get(f"{url}{'&' if '?' in url else '?'}{query}")
    if leads_to(reply, EVIL):
        yield visit.place(_ENDPOINT), f"It answers {reply.status} and leads to {EVIL}."


def _token_taken(visit: Visit) -> Found:
    taken = [each for each in _TOKEN_TYPES if visit.was_taken(visit.authorize({"response_type": each}))]
    if taken:
        yield visit.place(_ENDPOINT), f"It takes {listed(taken)}."


def _pkce_optional(visit: Visit) -> Found:
    if visit.was_taken(visit.authorize(_NO_PKCE)):
        yield visit.place(_ENDPOINT), "A request without `code_challenge` is taken."


def _plain_taken(visit: Visit) -> Found:
    for method in ("plain", None):
        if visit.was_taken(visit.authorize({"code_challenge_method": method})):
            how = "as `plain`" if method else "without `code_challenge_method`, which stands for `plain`,"
            yield visit.place(_ENDPOINT), f"A challenge {how} is taken."
            return


def _any_challenge(visit: Visit) -> Found:
    if visit.was_taken(visit.authorize({"code_challenge": "x"})):
        yield visit.place(_ENDPOINT), "A challenge of one character is taken as one of S256."


def _nothing_ties(visit: Visit) -> Found:
    if visit.was_taken(visit.authorize({**_NO_PKCE, "state": None, "nonce": None})):
        yield (
            visit.place(_ENDPOINT),
            "A request with neither `code_challenge` nor `state` nor `nonce` is taken.",
        )


def _twice(visit: Visit) -> Found:
    if visit.was_taken(visit.authorize({}, more=[("state", identifier())])):
        yield visit.place(_ENDPOINT), "A request with two values of `state` is taken."


def _fetched(visit: Visit) -> Found:
    if not is_loopback(visit.seen.issuer):
        raise CannotTell("whether addresses are fetched shows only from this machine")
    with listening() as listener:
        visit.authorize({"request_uri": listener.url})
        if listener.was_asked():
            yield visit.place(_ENDPOINT), "It asked an address on loopback that the request named."


def _unsigned_request(visit: Visit) -> Found:
    inside = identifier()
    claims = visit.request | {"state": inside, "iss": visit.request["client_id"], "aud": visit.seen.issuer}
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
    request = ".".join([*map(base64url.encode, parts), ""])
    if parameters_of(visit.authorize({"request": request, "state": None})).get("state") == inside:
        yield visit.place(_ENDPOINT), "It answers with the `state` of an unsigned request object."


def _issuer_unsaid(visit: Visit) -> Found:
    if visit.seen.metadata.get("authorization_response_iss_parameter_supported") is not True:
        return
    answered = parameters_of(visit.authorize({"response_type": "nonsense"}))
    if "error" in answered and answered.get("iss") != visit.seen.issuer:
        yield visit.place(_ENDPOINT), f"An error response says `iss` {answered.get('iss')!r}."


def _state_changed(visit: Visit) -> Found:
    sent = 'a b+c%2F&"é'
    answered = parameters_of(visit.authorize({"response_type": "nonsense", "state": sent}))
    if "error" in answered and answered.get("state") != sent:
        yield visit.place(_ENDPOINT), f"{sent!r} comes back as {answered.get('state')!r}."


def _repeats_body(visit: Visit) -> Found:
    found = [reply for reply in visit.replies if reply.is_redirect and reply.status in {307, 308}]
    if found:
        yield visit.place(_ENDPOINT), f"It redirects with {found[0].status}."


def _markup(visit: Visit) -> Found:
    visit.authorize(
        {"client_id": MARKUP, "state": MARKUP, "scope": MARKUP, "redirect_uri": f"{EVIL}?{MARKUP}"}
    )
    visit.authorize({"state": MARKUP, "response_type": MARKUP, "login_hint": MARKUP}, silent=False)
    for reply in pages(visit):
        if MARKUP in reply.text:
            yield visit.place(_ENDPOINT), "A page repeats quotes and brackets of the request as they are."
            return


AUTHORIZATION: tuple[Act, ...] = (
    Act(
        Check(
            "server.redirect-for-strangers",
            "Browsers are sent to the address of an unknown client",
            Severity.HIGH,
            why="An error of a client that nobody knows leads to whatever address the request names: an"
            " open redirector.",
            attack="A link to a trusted host leads people, and the answers of other servers, to the"
            " attacker.",
            fix="Show a page, and redirect only to a registered address of a known client.",
            references=("RFC 6749 §4.1.2.1", "RFC 9700 §4.11.2"),
            recommendation="oauth",
        ),
        _sent_for_strangers,
    ),
    Act(
        Check(
            "server.token-response",
            "Access tokens can be had through the browser's address",
            Severity.HIGH,
            why="A token in a redirect is bound to nobody, and stays in histories, logs and `Referer`"
            " headers.",
            attack="The attacker writes the request himself, whatever the metadata says.",
            fix="Refuse every response type that holds `token`, for every client.",
            references=("RFC 9700 §2.1.2", "OAuth 2.1 §10.1"),
            recommendation="oauth",
        ),
        _token_taken,
        deduced=True,
    ),
    Act(
        Check(
            "server.pkce-optional",
            "A request without PKCE is taken",
            Severity.HIGH,
            why="A code that is bound to nothing is good for whoever brings it; and a server that takes"
            " both kinds can be made to forget the challenge.",
            attack="A stolen code is put into the attacker's own session, or a forged request into the"
            " victim's.",
            fix="Refuse requests without `code_challenge`, of confidential clients as well.",
            references=("RFC 9700 §2.1.1", "RFC 9700 §4.8.2", "OAuth 2.1 §7.5.1"),
            recommendation="oauth",
        ),
        _pkce_optional,
        deduced=True,
    ),
    Act(
        Check(
            "server.plain-taken",
            "A challenge that is the verifier itself is taken",
            Severity.MEDIUM,
            why="With `plain`, whoever reads the request has all that is needed to redeem the code.",
            attack="A log of addresses gives both the code and its verifier.",
            fix="Take `S256` alone, and nothing where the method is missing.",
            references=("RFC 9700 §2.1.1", "RFC 7636 §7.2", "RFC 7636 §4.3"),
            recommendation="oauth",
        ),
        _plain_taken,
        deduced=True,
    ),
    Act(
        Check(
            "server.any-challenge",
            "A malformed challenge is taken",
            Severity.LOW,
            why="What is no SHA-256 can have no verifier: the mistake shows only when somebody has signed"
            " in, or never.",
            attack="None by itself; it tells that challenges are not looked at when they come.",
            fix="Refuse what is not 43 characters of base64url.",
            references=("RFC 7636 §4.2", "RFC 7636 §4.4.1"),
            recommendation="oauth",
        ),
        _any_challenge,
        deduced=True,
    ),
    Act(
        Check(
            "server.nothing-ties",
            "A request that is tied to no session is taken",
            Severity.MEDIUM,
            why="Without PKCE, `state` and `nonce` the client cannot tell an answer to its own request"
            " from another's.",
            attack="The victim's browser is made to finish the attacker's sign-in (CSRF), and works in his"
            " account.",
            fix="Require PKCE, which does away with it.",
            references=("RFC 9700 §2.1", "RFC 9700 §4.7.1"),
            recommendation="oauth",
        ),
        _nothing_ties,
        deduced=True,
    ),
    Act(
        Check(
            "server.parameters-twice",
            "A parameter may be there twice",
            Severity.LOW,
            why="Two programs that read the request, such as a firewall and the server, may take different"
            " values.",
            attack="What the first checks is not what the second obeys.",
            fix="Refuse a request in which a parameter is there more than once.",
            references=("RFC 6749 §3.1",),
            recommendation="trust-no-one",
        ),
        _twice,
        deduced=True,
    ),
    Act(
        Check(
            "server.request-uri-fetched",
            "The server asks whatever address a request names",
            Severity.HIGH,
            why="`request_uri` of an unauthenticated request makes the server ask addresses inside its own"
            " network.",
            attack="Cloud metadata, admin pages and other services are asked from inside (SSRF), or flooded.",
            fix="Turn it off, or take registered addresses only; offer pushed requests in its place.",
            references=("RFC 9101 §10.4", "RFC 9126 §7.1", "OWASP API7:2023"),
            recommendation="as-code",
        ),
        _fetched,
    ),
    Act(
        Check(
            "server.request-unsigned",
            "An unsigned request object is obeyed",
            Severity.MEDIUM,
            why="A request object replaces the parameters in the address; unsigned, it is written by"
            " anybody.",
            attack="What a client signed is exchanged for an unsigned one, and what a firewall checks is"
            " not what counts.",
            fix="Refuse `alg: none`.",
            references=("RFC 9101 §10.5", "RFC 8725 §3.2"),
            recommendation="validate-thoroughly",
        ),
        _unsigned_request,
    ),
    Act(
        Check(
            "server.iss-unsaid",
            "An error response does not name the issuer, as the metadata promises",
            Severity.MEDIUM,
            why="Clients that rely on the promise refuse the answer; those that do not are open to mix-up.",
            attack="An error of one server is told as that of another.",
            fix="Add `iss`, exactly as in the metadata, to every response, errors included.",
            references=("RFC 9207 §2", "RFC 9207 §2.4"),
            recommendation="trust-no-one",
        ),
        _issuer_unsaid,
    ),
    Act(
        Check(
            "server.state-changed",
            "`state` does not come back as it was sent",
            Severity.LOW,
            why="The client compares it exactly, or gives up comparing.",
            attack="Where clients do not compare, an attacker's answer is taken for their own.",
            fix="Give back exactly what was sent, percent-encoded.",
            references=("RFC 6749 §4.1.2.1", "RFC 9700 §4.7.1"),
            recommendation="oauth",
        ),
        _state_changed,
    ),
    Act(
        Check(
            "server.redirect-repeats",
            "Redirects make the browser send its form again",
            Severity.LOW,
            why="With 307 or 308 a browser repeats the request, with all that was typed, at the next"
            " address.",
            attack="A client receives the name and password that were typed at the server.",
            fix="Redirect with 303.",
            references=("RFC 9700 §4.12",),
            recommendation="oauth-is-not-login",
        ),
        _repeats_body,
    ),
    Act(
        Check(
            "server.markup",
            "A page repeats the request as markup",
            Severity.HIGH,
            why="What a link holds becomes part of the page on which people type their password.",
            attack="A script in the link reads the password, or signs in for the victim (XSS).",
            fix="Escape everything that comes from outside, and send a strict `Content-Security-Policy`.",
            references=("OWASP A03:2021", "RFC 6749 §10.14"),
            recommendation="trust-no-one",
        ),
        _markup,
    ),
)
