"""The fourteen recommendations that the software enforces, under the ids by which everything names them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One recommendation.

    Attributes:
        id: stable; used in documents, reports and findings.
        text: the recommendation in a line.
        behaviour: what the software does about it.
    """

    id: str
    text: str
    behaviour: str


RECOMMENDATIONS: dict[str, Recommendation] = {
    row.id: row
    for row in (
        Recommendation(
            "trust-no-one",
            "The app, the token, the line and the storage may all be hostile.",
            "The gateway denies by default; tokens can be bound to a key (DPoP, mTLS); replay is caught; "
            "spoofable headers are stripped; backends verify too.",
        ),
        Recommendation(
            "everything-is-public",
            "An exposed API is a public API.",
            "An OpenAPI document is the allow-list; an operation that nobody protected on purpose does not "
            "start; traffic to undocumented endpoints is refused and shown.",
        ),
        Recommendation(
            "access-by-risk",
            "Choose how consumers get access by the risk.",
            "Each operation has a risk tier; the tier decides which credential is good enough: an API key "
            "for the weather, for a payment a bound token from a two-factor login in an application that "
            "proved what it is.",
        ),
        Recommendation(
            "no-basic",
            "Basic authentication is legacy.",
            "It is refused unless a policy allows it by name with an end date; it is audited, and counted "
            "while it lasts.",
        ),
        Recommendation(
            "api-keys",
            "API keys carry no user, and by themselves never expire.",
            "Keys have a prefix and a checksum, are hashed, scoped, owned, always expiring, rotated with "
            "overlap, revoked in a second, never accepted above their tier, and exchangeable for "
            "short-lived tokens, which keep the key's tier.",
        ),
        Recommendation(
            "oauth",
            "Prefer OAuth: a known application, scopes, a limited life.",
            "The OAuth 2.1 issuer has client authentication, PKCE, scopes per operation, short lifetimes, "
            "and refresh rotation with reuse detection.",
        ),
        Recommendation(
            "secrets-leak",
            "Client credentials leak from repositories; regenerate them at once.",
            "The scanner finds them in trees, history and artifacts; one command regenerates a secret and "
            "cuts off what was issued with the old one.",
        ),
        Recommendation(
            "no-secret-in-apps",
            "Never put a client secret into distributed code.",
            "A public client cannot have one; artifact scans know OAuth; workload identity replaces stored "
            "secrets.",
        ),
        Recommendation(
            "no-hardcoding",
            "Do not hardcode tokens.",
            "The client SDK and CLI obtain tokens, keep them in the keyring of the operating system and "
            "refresh them; configuration refuses inline secrets.",
        ),
        Recommendation(
            "like-passwords",
            "Treat tokens as passwords.",
            "Only keyed hashes are at rest; logs, errors and traces are redacted; no token goes into a "
            "URL; comparison takes constant time.",
        ),
        Recommendation(
            "oauth-is-not-login",
            "OAuth is not authentication.",
            "There are an OpenID Connect provider and relying party; an access token is never accepted as "
            "a login, nor an ID token as an access token.",
        ),
        Recommendation(
            "mind-the-claims",
            "Beware of what a JWT carries and of who reads it.",
            "Tokens are opaque outside, a fresh minimal JWT inside (the phantom token); claims are "
            "released by audience; credentials in claims are refused; JWE is used where others' hands are "
            "crossed.",
        ),
        Recommendation(
            "validate-thoroughly",
            "Check algorithm, key strength, expiry, issuer and audience.",
            "There is one strict validator over tables of rules, and a prober that tells which checks any "
            "API or library skips.",
        ),
        Recommendation(
            "as-code",
            "Keep security in the pipeline, with full oversight.",
            "Policy, policy tests, audit, scan and probe run in CI with SARIF; browser apps sit behind a "
            "session with CSRF defence; outbound fetches cannot be turned (SSRF); there are a posture page "
            "and a tamper-evident audit trail.",
        ),
    )
}
