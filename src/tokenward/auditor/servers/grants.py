"""What may be asked for, and how it is answered: response types and modes, grants, PKCE, `iss`."""

from tokenward.auditor.findings import Check
from tokenward.auditor.servers.published import Published
from tokenward.auditor.servers.rules import Found, Rule, listed
from tokenward.base.severity import Severity

CODE, IMPLICIT, PASSWORD = "authorization_code", "implicit", "password"


def _token_in_front(seen: Published) -> Found:
    types = seen.names("response_types_supported")
    found = [each for each in types if "token" in each.split()]
    if found:
        yield seen.place("response_types_supported"), f"It offers {listed(found)}."
    elif IMPLICIT in seen.names("grant_types_supported") and "id_token" not in types:
        # Where an ID token is given so, the grant is that, and no access token.
        yield seen.place("grant_types_supported"), "It offers the grant `implicit`."


def _password(seen: Published) -> Found:
    if PASSWORD in seen.names("grant_types_supported"):
        yield seen.place("grant_types_supported"), "It offers the grant `password`."


def _grants_unsaid(seen: Published) -> Found:
    if "grant_types_supported" not in seen.metadata:
        yield (
            seen.place(),
            "`grant_types_supported` is missing, which stands for `authorization_code` and `implicit`.",
        )


def _no_pkce(seen: Published) -> Found:
    if not _offers_codes(seen):
        return
    methods = seen.names("code_challenge_methods_supported")
    if not methods:
        yield seen.place(), "`code_challenge_methods_supported` is missing."
    elif "S256" not in methods:
        yield seen.place("code_challenge_methods_supported"), f"It offers {listed(methods)}, and not `S256`."


def _plain(seen: Published) -> Found:
    if "plain" in seen.names("code_challenge_methods_supported"):
        yield seen.place("code_challenge_methods_supported"), "It offers `plain`."


def _no_issuer_in_answers(seen: Published) -> Found:
    member = "authorization_response_iss_parameter_supported"
    if _offers_codes(seen) and seen.metadata.get(member) is not True:
        yield seen.place(member), ""


def _fragment(seen: Published) -> Found:
    if "fragment" in seen.names("response_modes_supported"):
        yield seen.place("response_modes_supported"), ""


def _offers_codes(seen: Published) -> bool:
    return "authorization_endpoint" in seen.metadata


GRANTS: tuple[Rule, ...] = (
    Rule(
        Check(
            "server.implicit",
            "Access tokens are given through the browser's address",
            Severity.HIGH,
            why="A token in a redirect is bound to nobody, and stays in histories, logs and `Referer`"
            " headers.",
            attack="A token that was given to one application is fed to another, or is read from the"
            " address by any script or extension.",
            fix="Offer `code` with PKCE only; take out every response type that holds `token`, and the"
            " grant `implicit`.",
            references=("RFC 9700 §2.1.2", "RFC 9700 §4.3.2", "OAuth 2.1 §10.1"),
            recommendation="oauth",
        ),
        _token_in_front,
    ),
    Rule(
        Check(
            "server.password-grant",
            "Applications may take people's passwords",
            Severity.HIGH,
            why="The password itself passes through the application, and no second factor can be asked for.",
            attack="Whoever owns or breaks into one application collects the passwords of all its users.",
            fix="Take the grant out; what has no browser uses the device grant, and what has no person"
            " `client_credentials`.",
            references=("RFC 9700 §2.4", "OAuth 2.1 §10.2"),
            recommendation="oauth-is-not-login",
        ),
        _password,
    ),
    Rule(
        Check(
            "server.grants-unsaid",
            "It is not said which grants there are",
            Severity.LOW,
            why="Where the member is missing, it stands for a code and the implicit grant.",
            attack="A client that goes by the metadata asks for a token in the address.",
            fix="Publish `grant_types_supported` with what there is.",
            references=("RFC 8414 §2", "RFC 9700 §2.1.2"),
            recommendation="oauth",
        ),
        _grants_unsaid,
    ),
    Rule(
        Check(
            "server.no-pkce",
            "No PKCE, or none that can be seen",
            Severity.HIGH,
            why="Without it, a code is good for whoever brings it. Servers must support it and must let"
            " clients see that.",
            attack="A code that was stolen from a log, a history or by another application is put into the"
            " attacker's own session.",
            fix="Support `S256`, require it of every client, and publish `code_challenge_methods_supported`.",
            references=("RFC 9700 §2.1.1", "RFC 9700 §4.5.3", "RFC 7636 §4.2", "RFC 8414 §2"),
            recommendation="oauth",
        ),
        _no_pkce,
    ),
    Rule(
        Check(
            "server.plain-pkce",
            "PKCE without a hash is offered",
            Severity.MEDIUM,
            why="With `plain` the challenge in the browser's address is the verifier itself.",
            attack="Whoever reads the authorization request can redeem the code that answers it.",
            fix="Offer `S256` alone.",
            references=("RFC 9700 §2.1.1", "RFC 7636 §7.2"),
            recommendation="oauth",
        ),
        _plain,
    ),
    Rule(
        Check(
            "server.no-iss",
            "Authorization responses do not name their issuer",
            Severity.LOW,
            why="A client of several servers cannot tell which of them has answered.",
            attack="A hostile server makes such a client redeem an honest server's code at the hostile one"
            " (mix-up).",
            fix="Add `iss` to every authorization response, errors included, and publish"
            " `authorization_response_iss_parameter_supported`.",
            references=("RFC 9207 §2", "RFC 9207 §3", "RFC 9700 §4.4.2"),
            recommendation="trust-no-one",
        ),
        _no_issuer_in_answers,
    ),
    Rule(
        Check(
            "server.fragment-answers",
            "Answers may be given in the fragment",
            Severity.INFO,
            why="What is in the fragment is read by every script of the page that it leads to.",
            attack="A script of a third party on that page takes the code.",
            fix="Offer `query` and `form_post`, if no client needs the fragment.",
            references=("OAuth 2.0 Multiple Response Types §5", "RFC 9700 §4.3"),
            recommendation="oauth",
        ),
        _fragment,
    ),
)
