"""The endpoints that programs call, asked with credentials that nobody has."""

import base64
import re
from urllib.parse import urlencode

from tokenward.auditor.findings import Check, Place
from tokenward.auditor.servers.asking import ORIGIN, Reply
from tokenward.auditor.servers.rules import Found
from tokenward.auditor.servers.visit import Act, Visit
from tokenward.base.entropy import identifier
from tokenward.base.severity import Severity

_TOKEN, _INTROSPECTION, _REVOCATION = "token_endpoint", "introspection_endpoint", "revocation_endpoint"
_GRANT = {"grant_type": "client_credentials"}
# What the insides of programs look like: stack traces, databases, paths.
_INSIDE = re.compile(
    r"Traceback \(most recent call last\)|Stack trace:"
    r"|\bat [\w$.]+\([\w$]+\.(?:java|kt|scala):\d+\)|\bat .{1,80}/[\w/.-]+\.[cm]?js:\d+|\.rb:\d+:in "
    r"|SQLSTATE\[|ORA-\d{5}|psycopg|org\.hibernate|System\.Web\.|node_modules/|/site-packages/"
)


def _stranger(visit: Visit) -> dict[str, str]:
    pair = f"{identifier()}:{visit.secret}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _refused(visit: Visit, member: str, form: dict[str, str]) -> Reply | None:
    """How a client is answered that nobody knows."""
    url = visit.endpoint(member)
    return visit.post(url, form, _stranger(visit)) if url else None


def _anybody(visit: Visit) -> Found:
    reply = _refused(visit, _TOKEN, _GRANT)
    if reply is not None and "access_token" in reply.data:
        yield visit.place(_TOKEN), "A client that nobody registered gets a token."


def _breaks(visit: Visit) -> Found:
    for member in (_TOKEN, _INTROSPECTION, _REVOCATION):
        reply = _refused(visit, member, _GRANT if member == _TOKEN else {"token": identifier()})
        if reply is not None and reply.status >= 500:
            yield visit.place(member), f"It answers {reply.status} to a client that nobody knows."


def _status(visit: Visit) -> Found:
    reply = _refused(visit, _TOKEN, _GRANT)
    if reply is None or reply.status >= 500 or "access_token" in reply.data:
        return
    if (reply.status, reply.error) != (401, "invalid_client"):
        yield (
            visit.place(_TOKEN),
            f"It answers {reply.status} with the error {reply.error or 'of no name'!r}.",
        )
    elif not reply.header("www-authenticate"):
        yield visit.place(_TOKEN), "It answers 401 without `WWW-Authenticate`."


def _by_get(visit: Visit) -> Found:
    url = visit.endpoint(_TOKEN)
    if not url:
        return
    posted = visit.post(url, _GRANT, _stranger(visit))
    got = visit.get(f"{url}?{urlencode(_GRANT)}", _stranger(visit))
    if "access_token" in got.data or (
        posted.error and (got.status, got.error) == (posted.status, posted.error)
    ):
        yield visit.place(_TOKEN), f"It answers {got.status} with {got.error or 'a token'!r}, as to a POST."


def _in_the_query(visit: Visit) -> Found:
    url = visit.endpoint(_TOKEN)
    if not url:
        return
    pair = {
        "client_id": visit.client.client_id if visit.client else identifier(),
        "client_secret": visit.secret,
    }
    without = visit.post(url, _GRANT)
    in_body = visit.post(url, _GRANT | pair)
    in_query = visit.post(f"{url}?{urlencode(pair)}", _GRANT)
    told = [
        (each.status, each.error, each.data.get("error_description")) for each in (without, in_body, in_query)
    ]
    if told[0] != told[1] == told[2]:
        yield visit.place(_TOKEN), "Credentials in the address are answered as those in the body are."


def _password(visit: Visit) -> Found:
    url = visit.endpoint(_TOKEN)
    if not url or visit.client is None:
        return
    form = {"grant_type": "password", "username": identifier(), "password": visit.secret}
    reply = visit.post(url, form | {"client_id": visit.client.client_id})
    if reply.error == "invalid_grant":
        yield visit.place(_TOKEN), "It looks at the password of a person that does not exist."


def _token_cors(visit: Visit) -> Found:
    reply = _refused(visit, _TOKEN, _GRANT)
    if (
        reply is not None
        and reply.header("access-control-allow-credentials").lower() == "true"
        and (reply.header("access-control-allow-origin") in {ORIGIN, "*"})
    ):
        yield visit.place(_TOKEN), f"Scripts of {ORIGIN} may call it with the cookies of whoever visits them."


def _introspection_open(visit: Visit) -> Found:
    url = visit.endpoint(_INTROSPECTION)
    if not url:
        return
    for what, headers in (("nobody", {}), ("a client that nobody knows", _stranger(visit))):
        reply = visit.post(url, {"token": identifier()}, headers)
        if reply.status == 200 and "active" in reply.data:
            yield visit.place(_INTROSPECTION), f"It answers {what}."
            return


def _revocation_open(visit: Visit) -> Found:
    url = visit.endpoint(_REVOCATION)
    if url and visit.post(url, {"token": identifier()}).status == 200:
        yield visit.place(_REVOCATION), "It answers 200 to a request that names no client."


def _userinfo_open(visit: Visit) -> Found:
    url = visit.endpoint("userinfo_endpoint")
    if not url:
        return
    for what, headers in (
        ("without a token", {}),
        ("with an unknown token", {"Authorization": f"Bearer {identifier()}"}),
    ):
        if visit.get(url, headers).status == 200:
            yield visit.place("userinfo_endpoint"), f"It answers 200 {what}."
            return


def _userinfo_query(visit: Visit) -> Found:
    url = visit.endpoint("userinfo_endpoint")
    if not url:
        return
    without, queried = visit.get(url), visit.get(f"{url}?access_token={identifier()}")
    if "invalid_token" in _told(queried) and "invalid_token" not in _told(without):
        yield visit.place("userinfo_endpoint"), "A token in the address is looked at."


def _told(reply: Reply) -> str:
    return f"{reply.header('www-authenticate')} {reply.error}"


def _registration_open(visit: Visit) -> Found:
    url = visit.endpoint("registration_endpoint")
    if not url:
        return
    # What must be refused, so that nothing is made where somebody looks (RFC 6749 §3.1.2).
    reply = visit.asker.post_json(
        url, {"redirect_uris": ["https://stranger.example/cb#fragment"], "client_name": "audit"}
    )
    visit.replies.append(reply)
    if reply.status in {200, 201}:
        yield (
            visit.place("registration_endpoint"),
            f"It registers an address with a fragment{_taken_back(visit, reply)}.",
        )
    elif reply.status == 400 and reply.error in {"invalid_redirect_uri", "invalid_client_metadata"}:
        yield visit.place("registration_endpoint"), f"It judges what a stranger sends ({reply.error})."


def _taken_back(visit: Visit, reply: Reply) -> str:
    """RFC 7592 §2.3: what we made is removed, where that can be done."""
    url, token = reply.data.get("registration_client_uri"), reply.data.get("registration_access_token")
    removable = (
        isinstance(url, str)
        and isinstance(token, str)
        and url.startswith(visit.seen.url("registration_endpoint"))
    )
    if removable and visit.asker.delete(str(url), str(token)).status in {200, 204}:
        return "; the client was removed again"
    return f", and the client {str(reply.data.get('client_id'))[:60]!r} is still there"


def _insides(visit: Visit) -> Found:
    for url in filter(None, map(visit.endpoint, (_TOKEN, "authorization_endpoint"))):
        visit.get(f"{url}?client_id=%00%ff&client_id[]=1&redirect_uri=%ff")
        visit.post(url, {"grant_type": "\0'\"", "client_id": "'\"\\"})
    for reply in visit.replies:
        found = _INSIDE.search(reply.text)
        if found is not None:
            yield Place(reply.url.partition("?")[0]), f"An answer holds {found[0][:60]!r}."
            return


def _echoed(visit: Visit) -> Found:
    for reply in visit.replies:
        if visit.secret in reply.text:
            yield Place(reply.url.partition("?")[0]), "An answer repeats the secret that was sent."
            return


ENDPOINTS_ASKED: tuple[Act, ...] = (
    Act(
        Check(
            "server.anybody",
            "Anybody gets an access token",
            Severity.CRITICAL,
            why="The token endpoint does not check who asks.",
            attack="Anybody takes tokens and calls every API that trusts this server.",
            fix="Authenticate clients before anything else.",
            references=("RFC 6749 §3.2.1", "RFC 6749 §4.4.2"),
            recommendation="oauth",
        ),
        _anybody,
    ),
    Act(
        Check(
            "server.breaks",
            "An unknown client makes an endpoint fail",
            Severity.LOW,
            why="What is not foreseen was not tested, and fills the logs in which an attack would be seen.",
            attack="Failures are looked for further, until one of them gives something away.",
            fix="Answer 401 `invalid_client`.",
            references=("RFC 6749 §5.2",),
            recommendation="oauth",
        ),
        _breaks,
    ),
    Act(
        Check(
            "server.client-refusal",
            "A client with wrong credentials is not refused as it should be",
            Severity.LOW,
            why="Clients tell by 401, `invalid_client` and the challenge that their secret is wrong, and"
            " so does whoever watches for guessing.",
            attack="Guessing of secrets looks like ordinary mistakes.",
            fix="Answer 401 with `invalid_client` and `WWW-Authenticate`.",
            references=("RFC 6749 §5.2", "RFC 9110 §15.5.2"),
            recommendation="oauth",
        ),
        _status,
    ),
    Act(
        Check(
            "server.token-get",
            "The token endpoint takes GET",
            Severity.MEDIUM,
            why="What is in the address, codes and secrets included, is written into logs.",
            attack="Whoever reads a log of the server or of a proxy has the client's secret.",
            fix="Answer 405 to everything but POST.",
            references=("RFC 6749 §3.2",),
            recommendation="like-passwords",
        ),
        _by_get,
    ),
    Act(
        Check(
            "server.secret-in-query",
            "Client secrets are taken from the address",
            Severity.MEDIUM,
            why="What is in the address is written into logs.",
            attack="Whoever reads a log of the server or of a proxy has the client's secret.",
            fix="Read credentials from the header or the body alone.",
            references=("RFC 6749 §2.3.1",),
            recommendation="like-passwords",
        ),
        _in_the_query,
        deduced=True,
    ),
    Act(
        Check(
            "server.password-taken",
            "The token endpoint takes people's passwords",
            Severity.HIGH,
            why="The password itself passes through the application, and no second factor can be asked for.",
            attack="Passwords are tried here, past the sign-in page and what protects it.",
            fix="Turn the grant `password` off for every client.",
            references=("RFC 9700 §2.4",),
            recommendation="oauth-is-not-login",
        ),
        _password,
    ),
    Act(
        Check(
            "server.token-cors-credentials",
            "Scripts of anybody may call the token endpoint with cookies",
            Severity.MEDIUM,
            why="A token endpoint needs no cookie. `*` without credentials does for applications in"
            " browsers.",
            attack="A page that a signed-in person visits calls the endpoint in that person's name.",
            fix="Answer `Access-Control-Allow-Origin: *`, or known origins, and never allow credentials.",
            references=("Fetch §3.2", "RFC 9700 §2.6"),
            recommendation="trust-no-one",
        ),
        _token_cors,
    ),
    Act(
        Check(
            "server.introspection-open",
            "Anybody may ask about tokens",
            Severity.HIGH,
            why="What is known of a token, its user and its scopes, is told to whoever has found one or"
            " guesses.",
            attack="Found strings are tried out until one is a live token, and nobody sees which API was"
            " meant.",
            fix="Demand authentication of everybody who asks, and answer 401 without.",
            references=("RFC 7662 §2.1", "RFC 7662 §4"),
            recommendation="mind-the-claims",
        ),
        _introspection_open,
    ),
    Act(
        Check(
            "server.revocation-open",
            "Anybody may revoke tokens",
            Severity.LOW,
            why="A client is to be authenticated, or named, before its tokens are ended.",
            attack="Whoever found a token ends a session that is not his; found strings can be tried by"
            " the thousand.",
            fix="Demand the client's credentials, of public clients `client_id`.",
            references=("RFC 7009 §2.1", "RFC 7009 §5"),
            recommendation="oauth",
        ),
        _revocation_open,
    ),
    Act(
        Check(
            "server.userinfo-open",
            "What is known of people is told without a token",
            Severity.HIGH,
            why="The endpoint answers whoever asks.",
            attack="Names and addresses are read by anybody, or an unknown token passes for a good one.",
            fix="Answer 401 unless there is a valid token with the scope `openid`.",
            references=("OpenID Connect Core §5.3.1", "RFC 6750 §3"),
            recommendation="oauth-is-not-login",
        ),
        _userinfo_open,
    ),
    Act(
        Check(
            "server.userinfo-query",
            "Tokens are taken from the address",
            Severity.MEDIUM,
            why="Addresses are kept in logs, histories and `Referer` headers.",
            attack="Whoever reads a log has tokens that are good.",
            fix="Read the `Authorization` header alone.",
            references=("RFC 6750 §2.3", "RFC 6750 §5.3", "RFC 9700 §4.3.2"),
            recommendation="like-passwords",
        ),
        _userinfo_query,
    ),
    Act(
        Check(
            "server.registration-open",
            "Anybody may register a client",
            Severity.MEDIUM,
            why="A client that calls itself what it likes, with an address of its own, is as good as one"
            " that you know.",
            attack="People are asked to consent to an application with a name and a picture that they trust.",
            fix="Demand an initial access token or a software statement.",
            references=("RFC 7591 §3", "RFC 7591 §5"),
            recommendation="oauth",
        ),
        _registration_open,
    ),
    Act(
        Check(
            "server.insides",
            "An error tells about the inside of the program",
            Severity.MEDIUM,
            why="Stack traces, paths and statements of a database tell which program it is and how it works.",
            attack="The version that is told is looked up, and so are its holes.",
            fix="Answer with the error's name alone, and log the rest.",
            references=("OWASP API8:2023", "CWE-209"),
            recommendation="trust-no-one",
        ),
        _insides,
    ),
    Act(
        Check(
            "server.secret-echoed",
            "An answer repeats a credential",
            Severity.MEDIUM,
            why="What comes back is kept by whoever logs answers, and shown by whoever shows errors.",
            attack="Secrets are found in the logs of clients.",
            fix="Never put what was sent into an answer.",
            references=("CWE-209", "CWE-532"),
            recommendation="like-passwords",
        ),
        _echoed,
    ),
)
