"""What is fuzzed: one row a parser."""

from fuzz import (
    detail_targets,
    gateway_targets,
    inspection_targets,
    response_targets,
    scanner_targets,
    token_targets,
)
from fuzz.target import Target
from tokenward.tokens.kinds import KINDS
from tokenward.tokens.profiles import PROFILES

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        *token_targets.TARGETS,
        *detail_targets.TARGETS,
        *gateway_targets.TARGETS,
        *scanner_targets.TARGETS,
        *response_targets.TARGETS,
        *inspection_targets.TARGETS,
    )
}

# For the fuzzer's dictionary: names that it would have to guess.
WORDS: tuple[str, ...] = tuple(
    sorted(
        {rule.claim for kind in {**KINDS, **PROFILES}.values() for rule in kind.claims}
        | {"alg", "kid", "typ", "cty", "jwk", "enc", "epk", "apu", "crit", "b64", "zip", "cnf", "jkt"}
        | {"kty", "crv", "use", "key_ops", "keys", "HS256", "ES256", "EdDSA", "none", "ath", "nonce"}
        | {"true", "null", "1e999", "NaN", "\\\\ud800", "http://", "%2e%2e"}
        | {"active", "token_type", "Bearer", "DPoP", "client_id", "scope", "act", "username", "acr", "amr"}
        | {"item", "count", "labels", "child", "kind", "Oak", "Elm", "tag=", "filter[open]=", "&", "%26", ";"}
        | {"type", "payment", "reading", "payee", "amount", "what", "account", "iban", "days", "locations"}
        | {"name=", "tags=", "place=", "--B", "--B--", "form-data; name=", "Content-Disposition: "}
    )
)
