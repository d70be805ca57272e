"""Proofs that no server may accept, whatever request they come with: good ones with one thing turned bad."""

import hmac
import json
from collections.abc import Mapping

from tokens.minting import ABSENT, changed, mint
from tokenward.tokens import base64url
from tokenward.tokens.keys import SigningKey, members

KEY, OTHER = SigningKey.generate("ES256"), SigningKey.generate("ES256")
_JWK = members(KEY.private.public_key())
_PRIVATE = _JWK | {"d": base64url.encode(KEY.private.private_numbers().private_value.to_bytes(32, "big"))}

# What is done to claims and header of a good proof; a number is added to the present moment.
FORGERIES: dict[str, tuple[dict, dict]] = {
    "another method": ({"htm": "PUT"}, {}),
    "the method in another case": ({"htm": "post"}, {}),
    "another path": ({"htu": "{htu}/x"}, {}),
    "another host": ({"htu": "http://evil.example/token"}, {}),
    "another scheme": ({"htu": "ftp:{htu}"}, {}),
    "issued a minute ago": ({"iat": -71}, {}),
    "issued in the future": ({"iat": 11}, {}),
    "no iat": ({"iat": ABSENT}, {}),
    "no jti": ({"jti": ABSENT}, {}),
    "an endless jti": ({"jti": "j" * 257}, {}),
    "the hash of another token": ({"ath": base64url.encode(bytes(32))}, {}),
    "not of type dpop+jwt": ({}, {"typ": "JWT"}),
    "no key in it": ({}, {"jwk": ABSENT}),
    "the private key in it": ({}, {"jwk": _PRIVATE}),
    "the key of somebody else in it": ({}, {"jwk": members(OTHER.private.public_key())}),
    "a key by name": ({}, {"kid": "k-1"}),
    "alg none": ({}, {"alg": "none"}),
}
_WHOLE = ("HS256 under the public key", "unsigned", "two proofs", "one header with two proofs", "no JWT", "")
FORGERIES |= {name: ({}, {}) for name in _WHOLE}


def forged(name: str, good: Mapping[str, object], now: float) -> list[str]:
    """The values of the `DPoP` headers of a request for which `good` are the right claims."""
    claims = {"jti": "j-1", "iat": int(now), **good}
    for claim, bad in FORGERIES[name][0].items():
        if isinstance(bad, int):
            claims[claim] = int(now) + bad
        elif isinstance(bad, str):
            claims[claim] = bad.replace("{htu}", str(good["htu"]))
        else:
            claims.pop(claim)
    header = {"typ": "dpop+jwt", "kid": ABSENT, "jwk": _JWK} | FORGERIES[name][1]
    proof = mint(claims, KEY, **header)
    again = mint({**claims, "jti": "j-2"}, KEY, **header)
    return {
        "HS256 under the public key": [_hs256(changed(header, {}), claims)],
        "unsigned": [proof.rpartition(".")[0] + "."],
        "two proofs": [proof, again],
        "one header with two proofs": [f"{proof}, {again}"],
        "no JWT": ["proof"],
        "": [""],
    }.get(name, [proof])


def _hs256(header: Mapping[str, object], claims: Mapping[str, object]) -> str:
    parts = ({**header, "alg": "HS256"}, claims)
    text = ".".join(base64url.encode(json.dumps(part).encode()) for part in parts)
    return f"{text}.{base64url.encode(hmac.digest(json.dumps(_JWK).encode(), text.encode(), 'sha256'))}"
