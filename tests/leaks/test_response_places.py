"""Of where a reporter saw a credential nothing is kept that is a secret itself."""

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaks.responding import lived
from tokenward.base.problems import Refusal
from tokenward.leaks.response.places import address, read_place, without_secrets
from tokenward.tokens import opaque

OURS = opaque.new("ak").secret.reveal()
COMMIT = "12345600b9cbe38a219f39a9941c9319b600c002"


def drawn(alphabet, length, seed=7):
    generator = random.Random(seed)
    return "".join(generator.choice(alphabet) for _ in range(length))


FOREIGN = [
    drawn(string.ascii_letters + string.digits, 40),
    drawn("0123456789abcdef", 32),
    drawn(string.ascii_lowercase + string.digits, 24),
    drawn(string.ascii_letters + string.digits + "-_", 43),
]


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("https://git.example/o/r/blob/main/settings.py", None),
        (f"https://git.example:8443/o/r/blob/{COMMIT}/a%20b.py", None),
        ("s3://bucket/backup/2026-11-01.sql.gz", None),
        ("https://[2001:db8::1]:99/x", None),
        ("https://ann:hers@git.example/x", "https://git.example/x"),
        ("https://hers@git.example/x", "https://git.example/x"),
        ("https://git.example/x?token=hers&line=3", "https://git.example/x"),
        ("https://git.example/x#access_token=hers", "https://git.example/x"),
        ("https://git.example/%0d%0aevil", "https://git.example/%0d%0aevil"),
        (f"https://git.example/%0d%0a{OURS}", f"https://git.example/??{OURS[:18]}[…]"),
        ("javascript:alert(1)", ""),
        ("//git.example/x", ""),
        ("https://[git.example/x", ""),
        ("https://git.example:99999/x", ""),
        ("no address", ""),
    ],
    ids=range(15),  # one of them is random
)
def test_of_an_address_scheme_host_port_and_path_are_kept(told, kept):
    assert address(told) == (told if kept is None else kept)


@pytest.mark.parametrize("secret", FOREIGN)
@pytest.mark.parametrize(
    "place", ["logs/{}.txt", "{}", "a b {} c", "https://git.example/{}/x", "src/{}/config.py"]
)
def test_words_that_look_like_secrets_are_masked(secret, place):
    told = place.format(secret)
    for kept in (without_secrets(told), address(told)):
        assert secret not in kept
        assert secret[4:12] not in kept
    assert without_secrets(told).endswith(place.rpartition("}")[2])


def test_a_secret_in_percent_encoding_or_as_a_host_is_masked_too():
    encoded = "".join(f"%{ord(each):02x}" for each in OURS)
    assert address(f"https://git.example/x/{encoded}") == f"https://git.example/x/{OURS[:18]}[…]"
    assert FOREIGN[1] not in address(f"https://{FOREIGN[1]}.tunnel.example/x")


@pytest.mark.parametrize(
    "path",
    [
        "src/main/java/com/example/payments/AbstractPaymentProviderConfigurationFactory.java",
        "node_modules/@babel/plugin-transform-react-jsx-development/lib/index.js",
        "app.zip!/assets/index-2026-11-27.js",
        "docs/decisions/0012-secrets-without-a-format.md",
        f"objects/{COMMIT}",
    ],
)
def test_names_that_people_gave_stay(path):
    assert without_secrets(path) == path


@given(st.text(max_size=300))
def test_whatever_is_told_what_is_kept_breaks_no_line(text):
    assert without_secrets(text).isprintable()
    kept = address(f"https://git.example/{text}")
    assert kept.isprintable() or not text.isprintable()


@pytest.mark.parametrize(
    "found",
    [
        {"path": "a\nb"},
        {"path": "a\x1b[2Jb"},
        {"url": "https://git.example/\u202egpj.exe"},
        {"path": "a" * 1001},
        {"url": "https://git.example/" + "a" * 2000},
        {"source": "git\n"},
        {"since": "2026-11-27T12:00:00Z\n"},
    ],
)
def test_what_could_break_a_line_or_is_too_long_is_refused(found):
    with pytest.raises(Refusal):
        read_place(found, "client:scanner")


@lived
async def test_the_store_never_sees_what_else_a_place_holds(w):
    _, scanner = await w.reporter()
    _, token = await w.service()
    await w.report(
        scanner,
        token,
        path=f"cache/{FOREIGN[0]}.json",
        url=f"https://ann:{FOREIGN[1]}@git.example/x?k={FOREIGN[2]}",
    )
    (incident,) = await w.incidents()
    (seen,) = await w.store.incident_evidence(incident.incident_id)
    assert seen.evidence.path == "cache/[…].json"
    assert seen.evidence.url == "https://git.example/x"


@pytest.mark.parametrize("body", [b'{"secrets": ["\\ud800"]}', b'{"reports": [{"fingerprint": "\\udfff"}]}'])
def test_half_a_character_is_no_text(body, tmp_path, monkeypatch):
    async def check(w):
        _, scanner = await w.reporter()
        answer = await w.send(body, token=scanner if b"reports" in body else None)
        assert answer.status_code == 400

    lived(check)(tmp_path, monkeypatch)
