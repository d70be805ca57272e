"""What the claims say about who may use it where, and for what."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from tokenward.auditor.findings import Check
from tokenward.auditor.inspection.checks.kit import Hit, Lint, Subject
from tokenward.base.severity import Severity

# RFC 9068 §2.2, §2.2.3: what an access token must have, and how bad it is without. `exp` has its own check.
_REQUIRED = {
    "iss": Severity.MEDIUM,
    "aud": Severity.MEDIUM,
    "sub": Severity.LOW,
    "iat": Severity.LOW,
    "jti": Severity.LOW,
    "client_id": Severity.LOW,
    "scope": Severity.INFO,
}
# The same claim under the names of large issuers.
_SAME = {"client_id": ("azp", "appid", "cid"), "scope": ("scp", "permissions", "roles"), "jti": ("uti",)}
# OpenID Connect Core §2, RFC 7523 §3, Back-Channel Logout §2.4.
_REQUIRED_OF = {
    "id": ("iss", "sub", "aud", "iat"),
    "assertion": ("iss", "sub", "aud", "jti"),
    "logout": ("iss", "aud", "iat", "jti", "events"),
    "": ("iss", "aud"),
}
_ONLY_SIGN_IN = ("nonce", "at_hash", "c_hash")
_ONLY_ACCESS = ("scope", "scp")
_BROAD = re.compile(
    r"(?:.*[:./])?(?:\*|all|admin|root|superuser|full|full[_-]?access|user_impersonation)", re.IGNORECASE
)
_HIGH_RISK = re.compile(
    r"(?i)(?:^|[:._/-])(?:pay(?:ments?)?|transfers?|admin|delete|write|manage|accounts?|sign|money|refunds?)(?:$|[:._/-])"
)
_LOCAL = re.compile(r"localhost|127(?:\.\d+){3}|\[?::1\]?")


def _missing(subject: Subject) -> Iterator[Hit]:
    if subject.jwt.claims is None:
        return
    purpose = subject.credential.purpose
    if purpose == "access":
        wanted = dict(_REQUIRED)
    else:
        wanted = dict.fromkeys(_REQUIRED_OF.get(purpose, ()), Severity.LOW)
    absent = [
        name
        for name in wanted
        if subject.claims.get(name) in (None, "", [])
        and not any(other in subject.claims for other in _SAME.get(name, ()))
    ]
    if absent:
        yield Hit(f"It has no {', '.join(absent)}.", "/claims", max(wanted[name] for name in absent))


def _audiences(subject: Subject) -> list[str]:
    aud = subject.claims.get("aud")
    return [each for each in (aud if isinstance(aud, list) else [aud]) if isinstance(each, str)]


def _wildcard(subject: Subject) -> Iterator[Hit]:
    for each in _audiences(subject):
        if "*" in each or each.strip().lower() in {"any", "all", "everyone", "http://", "https://"}:
            yield Hit(f"aud is {each[:80]}.", "/claims/aud")


def _several(subject: Subject) -> Iterator[Hit]:
    found = _audiences(subject)
    if len(found) > 1:
        yield Hit(f"aud names {len(found)}: {', '.join(each[:60] for each in found[:5])}.", "/claims/aud")


def _mixed(subject: Subject) -> Iterator[Hit]:
    sign_in = [name for name in _ONLY_SIGN_IN if name in subject.claims]
    access = [name for name in _ONLY_ACCESS if name in subject.claims]
    if sign_in and access:
        yield Hit(f"It has {sign_in[0]}, as ID tokens do, and {access[0]}, as access tokens do.", "/claims")


def _scopes(subject: Subject) -> list[str]:
    found: list[object] = []
    for name in ("scope", "scp", "permissions"):  # roles tell who the person is, not what the token allows
        value = subject.claims.get(name)
        found += value.split() if isinstance(value, str) else value if isinstance(value, list) else []
    return [each for each in found if isinstance(each, str)]


def _broad(subject: Subject) -> Iterator[Hit]:
    broad = [each for each in _scopes(subject) if _BROAD.fullmatch(each)]
    if broad:
        yield Hit(f"It allows {', '.join(each[:60] for each in broad[:5])}.", "/claims/scope")


def _unbound(subject: Subject) -> Iterator[Hit]:
    if "cnf" in subject.claims or subject.jwt.claims is None:
        return
    risky = [each for each in _scopes(subject) if _HIGH_RISK.search(each) or _BROAD.fullmatch(each)]
    if risky:
        yield Hit(
            f"It has no cnf, and allows {', '.join(each[:60] for each in risky[:3])}.",
            "/claims/cnf",
            Severity.LOW,
        )
    else:
        yield Hit("It has no cnf.", "/claims/cnf")


def _insecure_issuer(subject: Subject) -> Iterator[Hit]:
    iss = subject.claims.get("iss")
    if not isinstance(iss, str) or not iss.lower().startswith("http://"):
        return
    try:
        host = urlsplit(iss).hostname or ""
    except ValueError:
        host = ""
    if not _LOCAL.fullmatch(host):
        yield Hit("iss is an http URL.", "/claims/iss")


LINTS = (
    Lint(
        Check(
            "token.missing-claim",
            "Claims are missing that a verifier has to check",
            Severity.MEDIUM,
            why="What is not there cannot be checked: who issued it, for whom, to which application, and "
            "whether it was used before.",
            attack="Without aud a token for one API opens every other; without iss that of one issuer "
            "passes for another's; without jti nobody notices a replay.",
            fix="Have the issuer write them (RFC 9068 §2.2), and refuse tokens without.",
            references=("RFC 9068 §2.2", "RFC 8725 §3.8", "RFC 8725 §3.9", "OpenID Connect Core §2"),
            recommendation="validate-thoroughly",
        ),
        _missing,
        purposes=frozenset({"access", "id", "assertion", "logout", ""}),
    ),
    Lint(
        Check(
            "token.wildcard-audience",
            "It is for everybody",
            Severity.HIGH,
            why="An audience that fits all APIs protects none: each of them can use the token at the others.",
            attack="The operator of one API, or who broke into it, sends the tokens that it gets to another.",
            fix="Name one API by its exact identifier, and compare exactly.",
            references=("RFC 8725 §3.9", "RFC 9068 §3", "RFC 8707 §2"),
            recommendation="validate-thoroughly",
        ),
        _wildcard,
    ),
    Lint(
        Check(
            "token.many-audiences",
            "It is for several APIs at once",
            Severity.LOW,
            why="Each of them can use it at the others, with all that it allows.",
            attack="Who breaks into the weakest of them uses the tokens that arrive there at the strongest.",
            fix="Ask for one token an API (resource=…), or exchange one for another.",
            references=("RFC 9068 §3", "RFC 8707 §2", "RFC 8693 §2.1"),
            recommendation="access-by-risk",
        ),
        _several,
    ),
    Lint(
        Check(
            "token.mixed-kinds",
            "It is half an ID token and half an access token",
            Severity.MEDIUM,
            why="One tells a client who signed in, the other tells an API what is allowed. One token for "
            "both passes in both places.",
            attack="A client that a person signed in to uses the sign-in at an API; or an API that gets a "
            "token signs in at the client.",
            fix="Have the issuer make two tokens, each with its typ and its audience.",
            references=("RFC 8725 §3.12", "RFC 9068 §5", "OpenID Connect Core §2"),
            recommendation="oauth-is-not-login",
        ),
        _mixed,
    ),
    Lint(
        Check(
            "token.broad-scope",
            "It allows nearly everything",
            Severity.MEDIUM,
            why="A token should allow what its use needs and no more: whoever has it can do all of it.",
            attack="A stolen token of a small task opens the whole account.",
            fix="Ask for the scopes of the task, and give scopes to operations (read apart from write).",
            references=("RFC 9700 §2.3", "RFC 6749 §3.3", "OWASP API5:2023"),
            recommendation="access-by-risk",
        ),
        _broad,
        purposes=frozenset({"access", "refresh", ""}),
    ),
    Lint(
        Check(
            "token.unbound",
            "Whoever has it can use it",
            Severity.INFO,
            why="A bearer token is as good in a thief's hands. What moves money or changes accounts "
            "should be bound to a key of the client's.",
            attack="A token from a log, a proxy or a browser extension is used from anywhere.",
            fix="Bind it with DPoP or mTLS: then the token has cnf, and is worth nothing without the key.",
            references=("RFC 9449 §6", "RFC 8705 §3", "RFC 9700 §2.2.1"),
            recommendation="trust-no-one",
        ),
        _unbound,
        purposes=frozenset({"access"}),
    ),
    Lint(
        Check(
            "token.insecure-issuer",
            "The issuer's address is plain HTTP",
            Severity.MEDIUM,
            why="Verifiers find the issuer's keys by its address: over plain HTTP whoever is on the line "
            "can answer instead.",
            attack="The attacker answers discovery with keys of their own, and signs tokens that all "
            "verifiers take.",
            fix="Give the issuer an https address. Tokens of the old one must end first.",
            references=("OpenID Connect Discovery §4.3", "RFC 8414 §2", "RFC 8725 §3.8"),
            recommendation="validate-thoroughly",
        ),
        _insecure_issuer,
    ),
)
