"""Keys are made here, small ones where the kind allows it: the repository holds none."""

import base64
import json
import string
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.detectors.private_keys.detector import PRIVATE_KEYS
from tokenward.leaks.detectors.private_keys.fingerprints import of_key, public_fingerprint
from tokenward.leaks.detectors.private_keys.published import PUBLISHED
from tokenward.leaks.recording import SILENCE, Notes
from tokenward.leaks.text import Text

ALPHABET = string.ascii_letters + string.digits + "+/"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
KINDS = {"RSA 1024": RSA, "EC P-256": EC, "Ed25519": ED}


def pem(key, form=PrivateFormat.PKCS8, encryption=None):
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption())


def b64(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def number(value):
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def find(data, recorder=SILENCE, path="key.txt"):
    return list(PRIVATE_KEYS.find(Text(data, path), 0, recorder))


def public_line(key):
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        *((kind, form) for kind in KINDS for form in ("PKCS8", "OpenSSH")),
        ("RSA 1024", "TraditionalOpenSSL"),
        ("EC P-256", "TraditionalOpenSSL"),
    ],
)
def test_reads_each_kind_and_form_and_knows_its_public_half(kind, form):
    data = b"# deploy\n" + pem(KINDS[kind], getattr(PrivateFormat, form)) + b"rest"
    [found] = find(data)
    assert data[found.start : found.end].startswith(b"-----BEGIN")
    assert data[found.start : found.end].endswith(b"PRIVATE KEY-----")
    assert (found.rule, found.confidence, found.severity) == ("private-key", Confidence.HIGH, Severity.HIGH)
    assert (found.facts["key"], found.facts["encrypted"]) == (kind, "no")
    assert (
        found.facts["public_key"]
        == public_fingerprint(public_line(KINDS[kind]))
        == of_key(KINDS[kind].public_key())
    )


@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
def test_an_encrypted_key_is_less_bad(form):
    [found] = find(pem(RSA, getattr(PrivateFormat, form), BestAvailableEncryption(b"passphrase")))
    assert (found.facts["encrypted"], found.severity) == ("yes", Severity.MEDIUM)


def test_of_an_encrypted_openssh_key_the_public_half_is_known_all_the_same():
    def framed(value):
        return len(value).to_bytes(4, "big") + value

    public = base64.b64decode(public_line(RSA).split()[1])
    body = b"openssh-key-v1\0" + framed(b"aes256-ctr") + framed(b"bcrypt") + framed(bytes(24))
    body += (1).to_bytes(4, "big") + framed(public) + framed(bytes(range(128)))
    armored = b"-----BEGIN OPENSSH PRIVATE KEY-----\n%s-----END OPENSSH PRIVATE KEY-----\n"
    [found] = find(armored % base64.encodebytes(body))
    assert (found.facts["key"], found.severity) == ("RSA 1024", Severity.MEDIUM)
    assert found.facts["public_key"] == public_fingerprint(public_line(RSA))


def test_in_a_test_it_is_not_as_bad():
    [found] = find(pem(ED), path="tests/data/key.pem")
    assert (found.confidence, found.severity) == (Confidence.HIGH, Severity.MEDIUM)


def as_python(key):
    return b"KEY = (\n" + b"".join(b'    "%s\\n"\n' % line for line in key.splitlines()) + b")\n"


def as_java(key):
    return b"String key =\n" + b" +\n".join(b'    "%s\\n"' % line for line in key.splitlines()) + b";\n"


def as_php(key):
    return b"$key = " + b" .\n".join(b"'%s'" % line for line in key.splitlines()) + b";\n"


DRESSES = {
    "JSON": lambda key: json.dumps({"key": key.decode()}).encode(),
    "JSON in JSON": lambda key: json.dumps(json.dumps({"key": key.decode()})).encode(),
    "dotenv": lambda key: b'KEY="' + key.replace(b"\n", b"\\n") + b'"\n',
    "CRLF": lambda key: key.replace(b"\n", b"\r\n"),
    "YAML": lambda key: b"key: |\n" + b"".join(b"    " + line + b"\n" for line in key.splitlines()),
    "quoted mail": lambda key: b"".join(b"> " + line + b"\n" for line in key.splitlines()),
    "comment": lambda key: b"".join(b"# " + line + b"\n" for line in key.splitlines()),
    "Python": as_python,
    "Java": as_java,
    "PHP": as_php,
    "spaces": lambda key: key.replace(b"\n", b" "),
    "XML": lambda key: b"<key>" + key.replace(b"\n", b"&#10;") + b"</key>",
    "continued lines": lambda key: b"".join(line + b"\\n\\\n" for line in key.splitlines()),
}


@pytest.mark.parametrize("mark", ["+", "/"])
def test_a_line_may_begin_and_end_with_what_is_also_an_operator(mark):
    lines = [mark + "".join(ALPHABET[(7 * i + j) % 64] for i in range(62)) + mark for j in range(12)]
    key = "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----\n"]).encode()
    [plain] = find(key)
    assert plain.secret == "".join(lines).encode()
    for dress in DRESSES.values():
        [found] = find(dress(key))
        assert found.secret == plain.secret


@pytest.mark.parametrize("dress", DRESSES)
def test_in_whatever_it_is_dressed_it_is_the_same_key(dress):
    key = pem(RSA, PrivateFormat.TraditionalOpenSSL)
    [plain] = find(key)
    [found] = find(DRESSES[dress](key))
    assert found.facts == plain.facts
    assert found.secret == plain.secret


def test_a_service_account_says_whose_it_is():
    account = {
        "type": "service_account",
        "project_id": "weather-1",
        "private_key": pem(RSA).decode(),
        "client_email": "robot@weather-1.iam.gserviceaccount.com",
    }
    [found] = find(json.dumps(account, indent=2).encode())
    assert (found.rule, found.severity) == ("gcp-service-account-key", Severity.CRITICAL)
    assert found.facts["project_id"] == "weather-1"
    assert found.facts["client_email"] == "robot@weather-1.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    "body",
    [
        b"...",
        b"<your key here>",
        b"MIIEpAIBAAKCAQEA...",
        b"${PRIVATE_KEY}",
        b"",
        b"your private key goes here",
        b"A" * 400,
    ],
)
def test_a_placeholder_is_no_key(body):
    notes = Notes()
    assert find(b"-----BEGIN PRIVATE KEY-----\n" + body + b"\n-----END PRIVATE KEY-----", notes) == []
    assert find(b"if '-----BEGIN PRIVATE KEY-----' in text: pass  # " + body) == []


def test_a_damaged_key_is_told_with_less_confidence():
    key = pem(RSA)
    broken = key.replace(b"MII", b"XYZ", 1)
    [found] = find(broken)
    assert (found.confidence, found.facts["state"]) == (Confidence.MEDIUM, "damaged: could not be parsed")
    [cut] = find(broken.rsplit(b"-----END", 1)[0])
    assert cut.confidence is Confidence.LOW


def test_a_file_of_first_lines_takes_no_time():
    begun = time.process_time()
    assert find(b"-----BEGIN PRIVATE KEY-----\n" * 40_000) == []
    assert time.process_time() - begun < 5


def jwks():
    private, public = RSA.private_numbers(), RSA.public_key().public_numbers()
    point = EC.public_key().public_numbers()
    raw = Encoding.Raw, PrivateFormat.Raw, NoEncryption()
    return {
        "JWK RSA 1024": {"n": number(public.n), "e": number(public.e), "d": number(private.d), "kty": "RSA"},
        "JWK EC P-256": {
            "kty": "EC",
            "crv": "P-256",
            "x": number(point.x),
            "y": number(point.y),
            "d": b64(EC.private_numbers().private_value.to_bytes(32, "big")),
        },
        "JWK Ed25519": {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": b64(ED.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)),
            "d": b64(ED.private_bytes(*raw)),
        },
    }


@pytest.mark.parametrize("kind", jwks())
def test_reads_json_web_keys(kind):
    jwk = jwks()[kind]
    [found] = find(json.dumps(jwk).encode())
    assert (found.rule, found.facts["key"], found.severity) == ("private-json-web-key", kind, Severity.HIGH)
    assert found.secret == jwk["d"].encode()
    assert found.facts["public_key"] == of_key(KINDS[kind.removeprefix("JWK ")].public_key())
    del jwk["d"]
    assert find(json.dumps(jwk).encode()) == []


def test_reads_a_set_of_keys_and_a_set_in_a_string():
    keys = {"keys": list(jwks().values())}
    assert len(find(json.dumps(keys).encode())) == len(find(json.dumps(json.dumps(keys)).encode())) == 3


def test_a_shared_key_of_an_rfc_is_low_and_a_random_one_is_not():
    random = b64(ED.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
    [found] = find(b"{kty: 'oct', k: '%s'}" % random.encode())
    assert (found.facts["key"], found.severity) == ("JWK symmetric 256", Severity.HIGH)
    # tokenward:allow reason=RFC 7520 prints it
    [published] = find(b'{"kty": "oct", "k": "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"}')
    assert published.severity is Severity.LOW


def test_a_published_key_is_low_and_named(monkeypatch):
    monkeypatch.setitem(PUBLISHED, of_key(ED.public_key()), "printed on a T-shirt")
    [found] = find(pem(ED))
    assert (found.severity, found.facts["published"]) == (Severity.LOW, "printed on a T-shirt")


def test_reads_a_putty_file():
    public = public_line(ED).split()[1].decode()
    file = (
        "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: me\nPublic-Lines: 2\n"
        f"{public[:64]}\n{public[64:]}\n"
        f"Private-Lines: 1\n{base64.b64encode(bytes(range(36))).decode()}\nPrivate-MAC: 00\n"
    )
    [found] = find(file.encode())
    assert (found.facts["key"], found.facts["encrypted"]) == ("PuTTY Ed25519", "no")
    assert found.facts["public_key"] == of_key(ED.public_key())
    locked = file.replace("Encryption: none", "Encryption: aes256-cbc").replace(
        "Private-Lines", "Key-Derivation: Argon2id\nArgon2-Memory: 8192\nArgon2-Salt: 00ff\nPrivate-Lines"
    )
    [found] = find(locked.encode())
    assert (found.facts["encrypted"], found.severity) == ("yes", Severity.MEDIUM)


@pytest.mark.parametrize(("usage", "encrypted"), [(0, "no"), (254, "yes")])
def test_reads_an_openpgp_key(usage, encrypted):
    modulus = RSA.public_key().public_numbers().n
    public = bytes([4]) + (1_700_000_000).to_bytes(4, "big") + bytes([1])
    public += (1024).to_bytes(2, "big") + modulus.to_bytes(128, "big") + b"\x00\x11\x01\x00\x01"
    body = public + bytes([usage]) + bytes(range(200))
    packet = bytes([0xC5, 0xFF]) + len(body).to_bytes(4, "big") + body
    armored = b"-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\n"
    armored += base64.encodebytes(packet) + b"=abcd\n-----END PGP PRIVATE KEY BLOCK-----\n"
    [found] = find(armored)
    assert (found.facts["key"], found.facts["encrypted"]) == ("OpenPGP RSA 1024", encrypted)
    assert found.facts["public_key"].startswith("PGP:")


def test_the_fingerprint_of_a_key_that_ssh_does_not_know_is_another():
    key = x25519.X25519PrivateKey.generate()
    [found] = find(pem(key))
    assert found.facts["public_key"].startswith("SPKI-SHA256:")
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert public_fingerprint(b"text\n" + public) == found.facts["public_key"]


def test_no_public_key_no_fingerprint():
    assert public_fingerprint(b"ssh-rsa AAAA") is None
    assert public_fingerprint(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n") is None
    assert public_fingerprint(b"nothing") is None
