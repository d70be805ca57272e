"""What is published on purpose: public keys, certificates, sealed values, identifiers, hashes."""

import base64
import hashlib
from collections.abc import Callable
from random import Random

from drawing import base64_of, base64url_of, characters, document, hexadecimal, uuid4, wrapped

_BECH = "023456789acdefghjklmnpqrstuvwxyz"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_WORD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def _ssh(random: Random, kind: str, size: int) -> str:
    name = kind.encode()
    head = len(name).to_bytes(4, "big") + name + (32).to_bytes(4, "big")
    return f"{kind} {base64.b64encode(head + random.randbytes(size)).decode()}"


def _authorized_keys(random: Random) -> str:
    kinds = [("ssh-ed25519", 32), ("ssh-rsa", 388)] * 6
    return "\n".join(
        f"{_ssh(random, kind, size)} user{number}@host" for number, (kind, size) in enumerate(kinds)
    )


def _known_hosts(random: Random) -> str:
    hashed = (
        f"|1|{base64_of(random, 20)}|{base64_of(random, 20)} {_ssh(random, 'ssh-ed25519', 32)}"
        for _ in range(15)
    )
    plain = (
        f"host{number}.example.net,192.0.2.{number} {_ssh(random, 'ecdsa-sha2-nistp256', 100)}"
        for number in range(15)
    )
    return "\n".join([*hashed, *plain]) + "\n"


def _jwks(random: Random) -> str:
    keys: list[dict[str, str]] = []
    for _ in range(4):
        keys += (
            {
                "kty": "RSA",
                "use": "sig",
                "alg": "RS256",
                "kid": base64url_of(random, 32),
                "n": base64url_of(random, 256),
                "e": "AQAB",
                "x5t#S256": base64url_of(random, 32),
                "x5c": [base64_of(random, 700)],
            },
            {
                "kty": "EC",
                "crv": "P-256",
                "kid": uuid4(random),
                "x": base64url_of(random, 32),
                "y": base64url_of(random, 32),
            },
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "kid": hexadecimal(random, 32),
                "x": base64url_of(random, 32),
            },
        )
    return document({"keys": keys})


def _age(random: Random) -> str:
    return "\n".join(f"# person {n}\nage1{characters(random, _BECH, 58)}" for n in range(10)) + "\n"


def _sops(random: Random) -> str:
    def sealed(size: int) -> str:
        return (
            f"ENC[AES256_GCM,data:{base64_of(random, size)},iv:{base64_of(random, 32)},"
            f"tag:{base64_of(random, 16)},type:str]"
        )

    body = wrapped(base64_of(random, 220), 64, " " * 8)
    return (
        f"database_password: {sealed(24)}\napi_token: {sealed(40)}\nsops:\n  age:\n"
        f"    - recipient: age1{characters(random, _BECH, 58)}\n      enc: |\n"
        f"        -----BEGIN AGE ENCRYPTED FILE-----\n{body}\n        -----END AGE ENCRYPTED FILE-----\n"
        f"  mac: {sealed(64)}\n"
    )


def _sealed(random: Random) -> str:
    return (
        "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: database}\nspec:\n"
        f"  encryptedData:\n    password: Ag{base64_of(random, 300)}\n    token: Ag{base64_of(random, 300)}\n"
    )


def _ansible_vault(random: Random) -> str:
    return (
        "database_password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n"
        + wrapped(random.randbytes(200).hex(), 80, "  ")
        + "\n"
    )


def _pgp(random: Random) -> str:
    body = wrapped(base64_of(random, 1200))
    return f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{body}\n=AbCd\n-----END PGP PUBLIC KEY BLOCK-----\n"


def _signature(random: Random) -> str:
    body = wrapped(base64_of(random, 300))
    return f"-----BEGIN PGP SIGNATURE-----\n\n{body}\n-----END PGP SIGNATURE-----\n"


def _certificate(random: Random) -> str:
    body = wrapped(base64_of(random, 900))
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"


def _public_key(random: Random) -> str:
    return f"-----BEGIN PUBLIC KEY-----\n{wrapped(base64_of(random, 294))}\n-----END PUBLIC KEY-----\n"


def _wireguard(random: Random) -> str:
    return "\n".join(
        f"[Peer]\nPublicKey = {base64_of(random, 32)}\nAllowedIPs = 10.0.0.{number}/32\n"
        for number in range(10)
    )


def _service(random: Random) -> str:
    return document(
        {
            "project_info": {"project_number": str(random.randrange(10**11, 10**12)), "project_id": "shop"},
            "client_id": f"{random.randrange(10**11, 10**12)}-{hexadecimal(random, 32)}"
            ".apps.googleusercontent.com",
            "stripe_publishable_key": f"pk_live_{hexadecimal(random, 24)}",
            "mapbox_public": f"pk.{base64_of(random, 60).rstrip('=')}.{hexadecimal(random, 22)}",
        }
    )


def _identifiers(random: Random) -> str:
    return (
        "AZURE_TENANT_ID=" + uuid4(random) + "\nAZURE_CLIENT_ID=" + uuid4(random) + "\n"
        f"AWS_ACCOUNT_ID=123456789012\nKMS_KEY_ID=arn:aws:kms:eu-central-1:123456789012:key/{uuid4(random)}\n"
        "SECRET_ARN=arn:aws:secretsmanager:eu-central-1:123456789012:"
        f"secret:shop/db-{characters(random, _WORD, 6)}\n"
        f"SENTRY_DSN=https://{hexadecimal(random, 32)}@sentry.example.net/42\n"
        f"GA_TRACKING_ID=G-{characters(random, _CROCKFORD, 10)}\n"
        f"RECAPTCHA_SITE_KEY=6L{characters(random, _WORD, 38)}\n"
        f"KEY_FINGERPRINT=SHA256:{base64url_of(random, 32)}\n"
    )


def _ulids(random: Random) -> str:
    return "token_id,session_id,key_id\n" + "\n".join(
        f"01J{characters(random, _CROCKFORD, 23)},{hexadecimal(random, 24)},{characters(random, _WORD, 21)}"
        for _ in range(150)
    )


def _uuids(random: Random) -> str:
    return "\n".join(uuid4(random) for _ in range(200)) + "\n"


def _fixtures(random: Random) -> str:
    rows = []
    for number in range(150):
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        rows.append(f"({number}, '{uuid4(random)}', '{digest}', 'person{number}@example.net')")
    return "INSERT INTO people (id, external_id, avatar_hash, mail) VALUES\n" + ",\n".join(rows) + ";\n"


def _addresses(random: Random) -> str:
    return "\n".join(
        f'const TOKEN_{number} = "0x{hexadecimal(random, 40)}"; // contract of the token'
        for number in range(30)
    )


PUBLIC: dict[str, Callable[[Random], str]] = {
    "keys/authorized_keys": _authorized_keys,
    "keys/known_hosts": _known_hosts,
    "keys/release.pub": lambda random: _ssh(random, "ssh-ed25519", 32) + " release@example.net\n",
    "keys/jwks.json": _jwks,
    "keys/age-recipients.txt": _age,
    "keys/release.asc": _pgp,
    "keys/release.sig": _signature,
    "keys/tls.crt": _certificate,
    "keys/public.pem": _public_key,
    "keys/wg0-peers.conf": _wireguard,
    "deploy/secrets.enc.yaml": _sops,
    "deploy/sealed.yaml": _sealed,
    "deploy/vault.yml": _ansible_vault,
    "app/google-services.json": _service,
    "deploy/identifiers.env": _identifiers,
    "db/ids.csv": _uuids,
    "db/ulids.csv": _ulids,
    "db/fixtures.sql": _fixtures,
    "web/contracts.js": _addresses,
}
