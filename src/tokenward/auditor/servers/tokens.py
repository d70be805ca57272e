"""What the tokens are like: their algorithms, whom they are bound to, what they say of people."""

from tokenward.auditor.findings import Check
from tokenward.auditor.servers.published import Published
from tokenward.auditor.servers.rules import Found, Rule, listed
from tokenward.base.severity import Severity
from tokenward.tokens.algorithms import ALGORITHMS

_ID_TOKEN = "id_token_signing_alg_values_supported"  # noqa: S105 - the name of a member
_DPOP = "dpop_signing_alg_values_supported"
# Algorithms that are registered and good, beside those that ours knows.
_GOOD = frozenset(
    {*ALGORITHMS, "Ed448", "ES256K", "ESP256", "ESP384", "ESP512", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"}
)
_EVERYTHING = frozenset(
    {"*", "all", "full", "full_access", "root", "superuser", "user_impersonation", "everything"}
)


def _unsigned(seen: Published) -> Found:
    for member in (
        _ID_TOKEN,
        "introspection_signing_alg_values_supported",
        "authorization_signing_alg_values_supported",
    ):
        if "none" in seen.names(member):
            yield seen.place(member), f"`{member}` holds `none`."


def _by_secret(seen: Published) -> Found:
    found = [each for each in seen.names(_ID_TOKEN) if each.startswith("HS")]
    if found:
        yield seen.place(_ID_TOKEN), f"It offers {listed(found)}."


def _rs256_only(seen: Published) -> Found:
    if seen.names(_ID_TOKEN) == ("RS256",):
        yield seen.place(_ID_TOKEN), ""


def _unknown(seen: Published) -> Found:
    for member in seen.metadata:
        if member.endswith("signing_alg_values_supported"):
            found = [each for each in seen.names(member) if each not in _GOOD and each != "none"]
            if found:
                yield seen.place(member), f"`{member}` holds {listed(found)}."


def _unbound(seen: Published) -> Found:
    if not seen.names(_DPOP) and seen.metadata.get("tls_client_certificate_bound_access_tokens") is not True:
        yield seen.place(), "Neither DPoP nor certificate-bound tokens are offered."


def _weak_proofs(seen: Published) -> Found:
    found = [each for each in seen.names(_DPOP) if each == "none" or each.startswith("HS")]
    if found:
        yield seen.place(_DPOP), f"It takes {listed(found)}."


def _one_subject(seen: Published) -> Found:
    if seen.openid and "pairwise" not in seen.names("subject_types_supported"):
        yield seen.place("subject_types_supported"), ""


def _scope_for_everything(seen: Published) -> Found:
    found = [each for each in seen.names("scopes_supported") if each.lower() in _EVERYTHING]
    if found:
        yield seen.place("scopes_supported"), f"There is {listed(found)}."


def _no_levels(seen: Published) -> Found:
    if seen.openid and not seen.names("acr_values_supported"):
        yield seen.place("acr_values_supported"), ""


TOKENS: tuple[Rule, ...] = (
    Rule(
        Check(
            "server.unsigned-tokens",
            "Tokens without a signature are offered",
            Severity.HIGH,
            why="An ID token or an answer with `alg: none` is good only as long as it never leaves the"
            " line on which it came.",
            attack="Whoever gets such a client to take a token by another way signs in as anybody.",
            fix="Take `none` out of the list.",
            references=("RFC 8725 §3.1", "RFC 8725 §3.2", "OpenID Connect Core §2"),
            recommendation="validate-thoroughly",
        ),
        _unsigned,
    ),
    Rule(
        Check(
            "server.id-token-by-secret",
            "ID tokens are signed with a secret that the client knows",
            Severity.LOW,
            why="Whoever can check such a token can write one; and an application that takes both kinds of"
            " algorithms can be made to use a public key as the secret.",
            attack="A leak of the client's secret lets anybody sign in there as anybody.",
            fix="Sign with ES256, EdDSA, PS256 or RS256 only.",
            references=("RFC 8725 §2.1", "RFC 8725 §3.1", "OpenID Connect Core §10.1"),
            recommendation="validate-thoroughly",
        ),
        _by_secret,
    ),
    Rule(
        Check(
            "server.rs256-only",
            "ID tokens can be had with RS256 only",
            Severity.INFO,
            why="OpenID Connect requires that it be there, and newer algorithms are smaller and harder to"
            " get wrong. FAPI 2.0 does not allow it.",
            attack="None that is known with a key of 2048 bits or more.",
            fix="Offer ES256, EdDSA or PS256 beside it.",
            references=("RFC 8725 §3.2", "FAPI 2.0 Security Profile §5.4.1"),
            recommendation="validate-thoroughly",
        ),
        _rs256_only,
    ),
    Rule(
        Check(
            "server.unknown-algorithm",
            "An algorithm that is not registered, or no longer good, is offered",
            Severity.LOW,
            why="What no specification defines, every library does in its own way, or not at all.",
            attack="A weak or ambiguous algorithm is the one that an attacker chooses.",
            fix="Offer algorithms of the registry only: ES256, EdDSA, PS256, RS256.",
            references=("RFC 7518 §3.1", "RFC 8725 §3.2"),
            recommendation="validate-thoroughly",
        ),
        _unknown,
    ),
    Rule(
        Check(
            "server.unbound-tokens",
            "Access tokens are good for whoever holds them",
            Severity.LOW,
            why="Without DPoP or mTLS a token cannot be bound to the application that it was given to.",
            attack="A token that was stolen from a log, a proxy or another API is used from anywhere.",
            fix="Offer DPoP or certificate-bound tokens, and require them for APIs of high risk.",
            references=("RFC 9700 §2.2.1", "RFC 9449 §5.1", "RFC 8705 §3.3"),
            recommendation="trust-no-one",
        ),
        _unbound,
    ),
    Rule(
        Check(
            "server.dpop-weak",
            "DPoP proofs may be unsigned or signed with a secret",
            Severity.HIGH,
            why="A proof shows possession of a private key; `none` and HMAC show nothing.",
            attack="Whoever stole a bound token writes the proof that goes with it.",
            fix="List asymmetric algorithms only.",
            references=("RFC 9449 §4.2", "RFC 9449 §11.6"),
            recommendation="validate-thoroughly",
        ),
        _weak_proofs,
    ),
    Rule(
        Check(
            "server.no-pairwise",
            "Everybody has the same name everywhere",
            Severity.INFO,
            why="With `public` subjects only, applications can put together what they know of a person.",
            attack="Two applications, or whoever buys both their data, join their records by `sub`.",
            fix="Offer `pairwise` subjects to applications of others.",
            references=("OpenID Connect Core §8", "OpenID Connect Core §17.3"),
            recommendation="mind-the-claims",
        ),
        _one_subject,
    ),
    Rule(
        Check(
            "server.scope-for-everything",
            "One scope is good for everything",
            Severity.LOW,
            why="A token with it is as good as a password: it opens whatever its user may do.",
            attack="Whoever steals a token from the least of the applications owns the account.",
            fix="Name scopes after what they permit, and give none that permits all.",
            references=("RFC 9700 §2.3", "RFC 6749 §3.3"),
            recommendation="access-by-risk",
        ),
        _scope_for_everything,
    ),
    Rule(
        Check(
            "server.no-levels",
            "No level of sign-in can be asked for",
            Severity.INFO,
            why="Without `acr_values_supported` an API cannot learn or demand that somebody used a second"
            " factor.",
            attack="A session of a stolen password is good for payments, too.",
            fix="Publish the levels that there are, and answer `acr_values` with them.",
            references=("RFC 9470 §4", "OpenID Connect Discovery §3"),
            recommendation="access-by-risk",
        ),
        _no_levels,
    ),
)
