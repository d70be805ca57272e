import hashlib
import hmac

from tokenward.leaks.fingerprints import fingerprint
from tokenward.tokens import opaque


def test_a_secret_with_a_checksum_has_the_fingerprint_that_the_server_looks_it_up_by():
    text = opaque.new("ak").secret.reveal()
    expected = "sha256:" + opaque.fingerprint(text).hex()
    assert fingerprint(text.encode(), checksum_valid=True, key=b"k" * 32) == expected


def test_any_other_secret_has_one_that_says_nothing_without_the_key():
    secret = b"hunter2"
    one = fingerprint(secret, checksum_valid=False, key=b"k" * 32)
    assert one == "hmac:" + hmac.new(b"k" * 32, secret, hashlib.sha256).hexdigest()
    assert one != fingerprint(secret, checksum_valid=False, key=b"K" * 32)
