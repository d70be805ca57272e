"""What header parameters and claims mean, in plain words, and where that is written.

Sources are the IANA registries "JSON Object Signing and Encryption" and "JSON Web Token Claims". What some
large issuers add of their own is here too; whatever else a token says is private to its issuer.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Meaning(NamedTuple):
    """What a name stands for.

    Attributes:
        words: in plain words.
        source: where it is written.
    """

    words: str
    source: str


PRIVATE = Meaning("private to its issuer: no specification says what it means", "")


def _rows(source: str, **words: str) -> dict[str, Meaning]:
    """Rows of one specification; a section stands before "|" where they differ."""
    rows = {}
    for name, told in words.items():
        section, bar, text = told.partition("|")
        rows[name] = Meaning(text if bar else told, f"{source} {section}".strip() if bar else source)
    return rows


HEADERS: Mapping[str, Meaning] = {
    **_rows(
        "RFC 7515",
        alg="§4.1.1|how it is signed",
        jku="§4.1.2|where a set of keys can be fetched; a verifier that follows it lets the token choose",
        jwk="§4.1.3|the key itself, sent along; it proves nothing about who sent it",
        kid="§4.1.4|the name of the key among the issuer's keys",
        x5u="§4.1.5|where a certificate can be fetched; as dangerous as jku",
        x5c="§4.1.6|a chain of certificates, sent along",
        x5t="§4.1.7|SHA-1 thumbprint of the certificate",
        typ="§4.1.9|the kind of token, so that one kind is not taken for another",
        cty="§4.1.10|the kind of content; JWT where another token is inside",
        crit="§4.1.11|extensions that a reader must understand, or refuse the token",
    ),
    "x5t#S256": Meaning("SHA-256 thumbprint of the certificate", "RFC 7515 §4.1.8"),
    **_rows(
        "RFC 7516",
        enc="§4.1.2|how the content is encrypted",
        zip="§4.1.3|the content was compressed before it was encrypted",
    ),
    **_rows("RFC 7797", b64="§3|whether the content is in base64url; not for JWTs"),
    **_rows(
        "RFC 7518",
        epk="§4.6.1.1|the sender's key of this one message, with which both sides agree on a key",
        apu="§4.6.1.2|about the sender, bound into the key",
        apv="§4.6.1.3|about the recipient, bound into the key",
        iv="§4.7.1.1|initialisation vector of the wrapped key",
        tag="§4.7.1.2|authentication tag of the wrapped key",
        p2s="§4.8.1.1|salt of the password from which the key is made",
        p2c="§4.8.1.2|how often the password is hashed: the sender chooses how long the reader computes",
    ),
    **_rows(
        "RFC 7519",
        iss="§5.3|the claim iss, repeated where it can be read without the key",
        sub="§5.3|the claim sub, repeated likewise",
        aud="§5.3|the claim aud, repeated likewise",
    ),
    **_rows("RFC 8555", url="§6.4.1|the URL that the message is for", nonce="§6.5.2|the server's nonce"),
    **_rows("RFC 8225", ppt="§8.1|extension of a PASSporT"),
    **_rows("RFC 9321", svt="a token that vouches for the signature"),
    "trust_chain": Meaning("statements that lead to a trust anchor", "OpenID Federation §4.3"),
}

ALGORITHMS: Mapping[str, Meaning] = {
    **_rows(
        "RFC 7518",
        none="§3.6|no signature: anybody can write it",
        HS256="§3.2|HMAC with SHA-256 and a shared secret: whoever can verify can sign",
        HS384="§3.2|HMAC with SHA-384 and a shared secret: whoever can verify can sign",
        HS512="§3.2|HMAC with SHA-512 and a shared secret: whoever can verify can sign",
        RS256="§3.3|RSA with PKCS #1 v1.5 padding and SHA-256",
        RS384="§3.3|RSA with PKCS #1 v1.5 padding and SHA-384",
        RS512="§3.3|RSA with PKCS #1 v1.5 padding and SHA-512",
        ES256="§3.4|ECDSA on P-256 with SHA-256",
        ES384="§3.4|ECDSA on P-384 with SHA-384",
        ES512="§3.4|ECDSA on P-521 with SHA-512",
        PS256="§3.5|RSA-PSS with SHA-256",
        PS384="§3.5|RSA-PSS with SHA-384",
        PS512="§3.5|RSA-PSS with SHA-512",
        RSA1_5="§4.2|the key is encrypted by RSA with PKCS #1 v1.5 padding",
        A128KW="§4.4|the key is wrapped by AES-128",
        A192KW="§4.4|the key is wrapped by AES-192",
        A256KW="§4.4|the key is wrapped by AES-256",
        dir="§4.5|the content is encrypted with a shared key directly",
        A128GCMKW="§4.7|the key is wrapped by AES-128 in GCM",
        A192GCMKW="§4.7|the key is wrapped by AES-192 in GCM",
        A256GCMKW="§4.7|the key is wrapped by AES-256 in GCM",
        A128GCM="§5.3|AES-128 in GCM",
        A192GCM="§5.3|AES-192 in GCM",
        A256GCM="§5.3|AES-256 in GCM",
    ),
    "RSA-OAEP": Meaning("the key is encrypted by RSA-OAEP with SHA-1", "RFC 7518 §4.3"),
    "RSA-OAEP-256": Meaning("the key is encrypted by RSA-OAEP with SHA-256", "RFC 7518 §4.3"),
    "ECDH-ES": Meaning("both sides agree on the key (elliptic curves)", "RFC 7518 §4.6"),
    **{
        f"ECDH-ES+A{bits}KW": Meaning(f"the same, and it wraps the key by AES-{bits}", "RFC 7518 §4.6")
        for bits in (128, 192, 256)
    },
    **{
        name: Meaning("the key is made from a password", "RFC 7518 §4.8")
        for name in ("PBES2-HS256+A128KW", "PBES2-HS384+A192KW", "PBES2-HS512+A256KW")
    },
    **{
        f"A{bits}CBC-HS{2 * bits}": Meaning(f"AES-{bits} in CBC, with HMAC-SHA-{2 * bits}", "RFC 7518 §5.2")
        for bits in (128, 192, 256)
    },
    **_rows("RFC 8037", EdDSA="§3.1|Ed25519 or Ed448; which of the two the key says"),
    **_rows("RFC 9864", Ed25519="§2.2|EdDSA on Ed25519", Ed448="§2.2|EdDSA on Ed448"),
    **_rows("RFC 8812", ES256K="§3.2|ECDSA on secp256k1 with SHA-256"),
}
"""The values of `alg` and `enc`."""

_CORE = "OpenID Connect Core"

CLAIMS: Mapping[str, Meaning] = {
    **_rows(
        "RFC 7519",
        iss="§4.1.1|who issued it",
        sub="§4.1.2|whom it is about: a person or an application, by the issuer's id",
        aud="§4.1.3|for whom it is: everybody else must refuse it",
        exp="§4.1.4|when it ends",
        nbf="§4.1.5|before which it is not valid",
        iat="§4.1.6|when it was issued",
        jti="§4.1.7|its own id, by which a replay is noticed and logs name it",
    ),
    **_rows(
        _CORE,
        name="§5.1|full name", given_name="§5.1|given name", family_name="§5.1|family name",
        middle_name="§5.1|middle name", nickname="§5.1|nickname",
        preferred_username="§5.1|user name; not unique, and it may change",
        profile="§5.1|address of a profile page", picture="§5.1|address of a picture",
        website="§5.1|address of a web page", email="§5.1|e-mail address",
        email_verified="§5.1|whether the issuer verified the e-mail address", gender="§5.1|gender",
        birthdate="§5.1|date of birth", zoneinfo="§5.1|time zone", locale="§5.1|language and region",
        phone_number="§5.1|telephone number",
        phone_number_verified="§5.1|whether the issuer verified the telephone number",
        address="§5.1.1|postal address", updated_at="§5.1|when the personal data last changed",
        nonce="§2|ties an ID token to the request that it answers",
        auth_time="§2|when the person last proved who they are",
        acr="§2|how well the person was authenticated, as a level",
        amr="§2|how the person was authenticated: each method",
        azp="§2|the client that it was issued to",
        at_hash="§3.1.3.6|hash of the access token that came with it",
        c_hash="§3.3.2.11|hash of the code that came with it",
        sub_jwk="§7.4|the key of an issuer that a person runs themselves",
        _claim_names="§5.6.2|where further claims are kept", _claim_sources="§5.6.2|where to get them",
    ),
    **_rows(
        "RFC 9068",
        client_id="§2.2|the application that it was issued to",
        scope="§2.2.3|what it allows",
        roles="§2.2.3.1|roles of the person",
        groups="§2.2.3.1|groups of the person",
        entitlements="§2.2.3.1|what the person may do",
    ),
    **_rows(
        "RFC 8693", act="§4.1|who acts for the subject", may_act="§4.4|who may act for the subject"
    ),
    **_rows("RFC 7800", cnf="§3.1|the key that whoever presents it must prove to have"),
    **_rows(
        "RFC 9449",
        htm="§4.2|the method of the request that the proof is for",
        htu="§4.2|the URL of the request that the proof is for",
        ath="§4.2|hash of the access token that the proof comes with",
    ),
    **_rows("RFC 9396", authorization_details="§9.1|what it allows, in detail"),
    **_rows("RFC 9701", token_introspection="§5|the answer to an introspection request"),  # noqa: S106 - a claim
    **_rows("RFC 8417", events="§2.2|what happened", toe="§2.2|when it happened", txn="§2.2|the transaction"),
    "sid": Meaning("the session at the issuer", "OpenID Connect Front-Channel Logout §3"),
    "s_hash": Meaning("hash of the state of the request", "FAPI 1.0 Part 2 §5.1"),
    **_rows("RFC 8485", vot="how far the identity can be trusted", vtm="how to read vot"),
    **_rows("RFC 9711", eat_nonce="§4.1|nonce of an attestation"),
    **_rows("RFC 6749", response_type="§3.1.1|what an authorization request asks for",
            redirect_uri="§3.1.2|where the answer goes", state="§4.1.1|ties the answer to the request"),
    **_rows("RFC 7636", code_challenge="§4.2|hash of the code verifier",
            code_challenge_method="§4.3|how it was made"),
    "verified_claims": Meaning("claims, and how they were verified", "OpenID Identity Assurance §5"),
    "_sd": Meaning("hashes of claims that can be shown one by one", "RFC 9901 §4.2.4.1"),
    "_sd_alg": Meaning("how those hashes are made", "RFC 9901 §4.1.1"),
    "vc": Meaning("a verifiable credential", "W3C VC Data Model 1.1 §6.3.1"),
    "vp": Meaning("a verifiable presentation", "W3C VC Data Model 1.1 §6.3.1"),
}  # fmt: skip

# No specification has them; their issuers' pages do.
_VENDORS: Mapping[str, Mapping[str, str]] = {
    "Microsoft Entra ID": {
        "tid": "the tenant", "oid": "the person or application in its directory", "upn": "user name",
        "appid": "the application that it was issued to", "appidacr": "how that application authenticated",
        "azpacr": "how that application authenticated", "scp": "what it allows", "ver": "version of its form",
        "idtyp": "whether it is an application's", "uti": "its id", "rh": "for internal use",
        "aio": "for internal use", "wids": "roles in the directory", "unique_name": "user name",
        "ipaddr": "the address that the person came from", "hasgroups": "there are more groups than fit",
        "xms_tcdt": "when the tenant was made", "idp": "who signed the person in",
    },
    "Keycloak": {
        "realm_access": "roles in the realm", "resource_access": "roles in applications",
        "session_state": "the session", "allowed-origins": "from where browsers may call",
        "typ": "the kind of token",
    },
    "Amazon Cognito": {
        "token_use": "the kind of token", "cognito:groups": "groups", "cognito:username": "user name",
        "event_id": "the sign-in", "origin_jti": "the sign-in that it came from",
    },
    "Okta": {"cid": "the application that it was issued to", "uid": "the person"},
    "Auth0": {"permissions": "what it allows", "gty": "the grant by which it was obtained"},
    "Google": {"hd": "the organisation's domain"},
    "Supabase": {"role": "the database role", "aal": "how well the person was authenticated"},
    "Kubernetes": {"kubernetes.io": "namespace, pod and service account"},
}  # fmt: skip

_BY_VENDOR: Mapping[str, Meaning] = {
    name: Meaning(f"{words} (private; as {vendor} uses it)", "")
    for vendor, claims in _VENDORS.items()
    for name, words in claims.items()
}


_WRAPPED = Meaning("how the key of the content is protected", "RFC 7516 §4.1.1")


def header(name: str, *, encrypted: bool = False) -> Meaning:
    """What a header parameter means, in a signed or an encrypted token."""
    return _WRAPPED if encrypted and name == "alg" else HEADERS.get(name, PRIVATE)


def claim(name: str) -> Meaning:
    """What a claim means."""
    return CLAIMS.get(name) or _BY_VENDOR.get(name, PRIVATE)


DATES = frozenset({"exp", "nbf", "iat", "auth_time", "updated_at", "toe"})
"""The claims that are a NumericDate (RFC 7519 §2)."""
