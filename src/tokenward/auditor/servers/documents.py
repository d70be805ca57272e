"""The documents themselves: whether they are the issuer's, and how they come over the line."""

import re

from tokenward.auditor.findings import Check, Place
from tokenward.auditor.servers.asking import ORIGIN
from tokenward.auditor.servers.published import Document, Published
from tokenward.auditor.servers.rules import Found, Rule, host_of, is_loopback, listed
from tokenward.base.severity import Severity

_MAX_AGE = re.compile(r"max-age\s*=\s*\"?([0-9]{1,12})")  # int() refuses 4,301 digits
_DAY = 86_400


def _issuer_mismatch(seen: Published) -> Found:
    for document in seen.documents:
        said = document.data.get("issuer")
        if said != seen.issuer:
            yield Place(document.url, "/issuer"), f"It says {said!r}, and was asked for as {seen.issuer!r}."


def _issuer_over_http(seen: Published) -> Found:
    if not seen.issuer.startswith("https://") and not is_loopback(seen.issuer):
        yield seen.place("issuer"), f"The issuer is {seen.issuer}."


def _issuer_form(seen: Published) -> Found:
    parts = [
        name
        for name, mark in (("a query", "?"), ("a fragment", "#"), ("a user name", "@"))
        if mark in seen.issuer
    ]
    if parts:
        yield seen.place("issuer"), f"The issuer has {' and '.join(parts)}."


def _contradiction(seen: Published) -> Found:
    first, *others = seen.documents
    for other in others:
        differing = [
            name
            for name in first.data
            if name in other.data and _unordered(first.data[name]) != _unordered(other.data[name])
        ]
        if differing:
            yield Place(other.url, f"/{differing[0]}"), f"It and {first.url} differ in {listed(differing)}."


def _unordered(value: object) -> object:
    return sorted(map(str, value)) if isinstance(value, list) else value


def _redirected(seen: Published) -> Found:
    for reply in seen.redirected:
        yield Place(reply.url), f"It answers {reply.status} and leads to {reply.header('location')}."


def _media_type(seen: Published) -> Found:
    for document in seen.documents:
        said = document.reply.header("content-type")
        if said.partition(";")[0].strip().lower() != "application/json":
            yield Place(document.url), f"It comes as {said or 'nothing in particular'}."


def _incomplete(seen: Published) -> Found:
    needed = ["issuer", "response_types_supported"]  # RFC 8414 §2
    grants = seen.names("grant_types_supported")
    if not grants or set(grants) & {"authorization_code", "implicit"}:
        needed.append("authorization_endpoint")
    if grants != ("implicit",):
        needed.append("token_endpoint")
    if seen.openid:  # OpenID Connect Discovery §3
        needed += ["jwks_uri", "subject_types_supported", "id_token_signing_alg_values_supported"]
    missing = [name for name in needed if name not in seen.metadata]
    if missing:
        yield seen.place(), f"It lacks {listed(missing)}."


def _malformed(seen: Published) -> Found:
    for member, value in seen.metadata.items():
        if member.endswith(("_supported", "_values")) and not isinstance(value, bool):
            if not (isinstance(value, list) and value and all(isinstance(each, str) for each in value)):
                yield seen.place(member), f"`{member}` is no array of texts, or an empty one."
        elif member.endswith(("_endpoint", "_uri")) and not isinstance(value, str):
            yield seen.place(member), f"`{member}` is no text."
        elif member.endswith(("_endpoint", "_uri")) and not host_of(value):
            yield seen.place(member), f"`{member}` is no address."


def _readable_with_cookies(seen: Published) -> Found:
    for document in _all(seen):
        reply = document.reply
        if reply.header("access-control-allow-credentials").lower() == "true" and (
            reply.header("access-control-allow-origin") in {ORIGIN, "*"}
        ):
            yield Place(document.url), f"Scripts of {ORIGIN} may read it, cookies included."


def _kept_too_long(seen: Published) -> Found:
    for document in _all(seen):
        said = _MAX_AGE.search(document.reply.header("cache-control").lower())
        if said is not None and int(said[1]) > _DAY:
            yield Place(document.url), f"It may be kept for {int(said[1]):,} seconds."


def _no_hsts(seen: Published) -> Found:
    reply = seen.documents[0].reply
    said = _MAX_AGE.search(reply.header("strict-transport-security").lower())
    if reply.url.startswith("https://") and (said is None or int(said[1]) == 0):
        yield Place(reply.url), "The answer has no `Strict-Transport-Security`."


def _all(seen: Published) -> list[Document]:
    return [*seen.documents, *([seen.keys] if seen.keys is not None else [])]


DOCUMENTS: tuple[Rule, ...] = (
    Rule(
        Check(
            "server.issuer-mismatch",
            "The metadata is of another issuer",
            Severity.HIGH,
            why="The one thing that ties metadata to an issuer is that `issuer` is, character for"
            " character, the address from which the document was reached.",
            attack="Whoever can make a client read another document in its place sends the client's codes and"
            " secrets to endpoints of his own.",
            fix="Publish exactly the identifier that clients are configured with, the slash at the end"
            " included.",
            references=("RFC 8414 §3.3", "OpenID Connect Discovery §4.3", "RFC 9700 §4.4"),
            recommendation="trust-no-one",
        ),
        _issuer_mismatch,
    ),
    Rule(
        Check(
            "server.issuer-http",
            "The issuer is reached without TLS",
            Severity.HIGH,
            why="Metadata and keys decide whom every client and every API trusts, and nothing protects"
            " them on the line.",
            attack="Whoever sits between a client and the server answers with keys and endpoints of his own.",
            fix="Give the issuer an https address, and no other.",
            references=("RFC 8414 §2", "RFC 8414 §6.1", "RFC 9700 §2.6"),
            recommendation="trust-no-one",
        ),
        _issuer_over_http,
    ),
    Rule(
        Check(
            "server.issuer-form",
            "The issuer is not of the form that an issuer has",
            Severity.MEDIUM,
            why="An issuer has no query, no fragment and no user name, so that it can be compared and that"
            " the address of its metadata can be made from it.",
            attack="Clients that cut such parts off and clients that do not take two issuers for one.",
            fix="Give it an address of scheme, host, perhaps a port and a path.",
            references=("RFC 8414 §2",),
            recommendation="trust-no-one",
        ),
        _issuer_form,
    ),
    Rule(
        Check(
            "server.metadata-differs",
            "Two documents of metadata contradict each other",
            Severity.MEDIUM,
            why="Which document a client reads is its own affair; what is true of the server cannot depend"
            " on it.",
            attack="What was tightened in one document stays open for all who read the other.",
            fix="Make both from one source.",
            references=("RFC 8414 §5",),
            recommendation="oauth",
        ),
        _contradiction,
    ),
    Rule(
        Check(
            "server.metadata-redirected",
            "A place of the metadata leads elsewhere",
            Severity.LOW,
            why="Metadata is answered with 200 where it belongs. A client that follows no redirect has"
            " none, and one that does trusts whoever it is led to.",
            attack="An open redirect on the same host becomes a way to serve another's metadata.",
            fix="Serve the document itself.",
            references=("RFC 8414 §3.2",),
            recommendation="trust-no-one",
        ),
        _redirected,
    ),
    Rule(
        Check(
            "server.metadata-type",
            "Metadata does not come as JSON",
            Severity.LOW,
            why="A document of another media type may be read as something else, by browsers above all.",
            attack="Where anything in it can be influenced, a browser shows it as a page of the issuer's.",
            fix="Send `Content-Type: application/json`.",
            references=("RFC 8414 §3.2",),
            recommendation="trust-no-one",
        ),
        _media_type,
    ),
    Rule(
        Check(
            "server.metadata-incomplete",
            "Metadata lacks what is required",
            Severity.LOW,
            why="What is not said, clients have to guess or be told by hand, and it is never tightened"
            " again.",
            attack="A client that guesses an endpoint or an algorithm can be made to guess wrongly.",
            fix="Publish the members that are required.",
            references=("RFC 8414 §2", "OpenID Connect Discovery §3"),
            recommendation="oauth",
        ),
        _incomplete,
    ),
    Rule(
        Check(
            "server.metadata-malformed",
            "A member of the metadata is of the wrong type",
            Severity.LOW,
            why="Members with several values are arrays of texts and may not be empty; addresses are texts.",
            attack="A client that cannot read a limit does not keep it.",
            fix="Write it as the specification has it, and leave out what is empty.",
            references=("RFC 8414 §2", "RFC 8414 §3.2"),
            recommendation="oauth",
        ),
        _malformed,
    ),
    Rule(
        Check(
            "server.metadata-cors-credentials",
            "Scripts of anybody may read metadata together with cookies",
            Severity.MEDIUM,
            why="Metadata is public and needs no cookie. An answer that allows credentials to whatever"
            " origin asks is a rule for the whole host, as a rule.",
            attack="A page that a signed-in person visits reads what the host shows that person.",
            fix="Answer `Access-Control-Allow-Origin: *` without credentials, for these documents alone.",
            references=("Fetch §3.2", "OWASP API8:2023"),
            recommendation="everything-is-public",
        ),
        _readable_with_cookies,
    ),
    Rule(
        Check(
            "server.kept-too-long",
            "Keys or metadata may be kept for more than a day",
            Severity.LOW,
            why="A key that was withdrawn is trusted until the last cache forgets it.",
            attack="Whoever stole a signing key goes on signing tokens after it was withdrawn.",
            fix="Send a `Cache-Control: max-age` of minutes to hours.",
            references=("OpenID Connect Core §10.1.1", "RFC 9111 §5.2.2.1"),
            recommendation="validate-thoroughly",
        ),
        _kept_too_long,
    ),
    Rule(
        Check(
            "server.no-hsts",
            "Browsers are not told to come over TLS only",
            Severity.LOW,
            why="The first address that somebody types or follows is asked for without TLS.",
            attack="Whoever sits between answers that first request with a sign-in page of his own.",
            fix="Send `Strict-Transport-Security` with a `max-age` of a year.",
            references=("RFC 6797 §7.1", "RFC 9700 §2.6"),
            recommendation="trust-no-one",
        ),
        _no_hsts,
    ),
)
