"""Family C: signed by the issuer, and still not for us, not now, or not what it should be."""

from collections.abc import Callable, Iterator
from typing import Any

from tokenward.auditor.attacks.kit import ABSENT, Kit, compact
from tokenward.auditor.attacks.table import Attack, Part, bare, claims, control, entry, note, signed
from tokenward.tokens.keys import SigningKey

LEEWAY = 30  # seconds that a validator under test allows clocks to differ
MAX_LIFETIME = 3600  # seconds from `iat` to `exp` that it allows, if it can be told


def _later(seconds: float) -> Callable[[Kit], float]:
    return lambda kit: kit.now + seconds


def _audience(change: Callable[[str], object]) -> Callable[[Kit], object]:
    return lambda kit: change(kit.claims()["aud"])


def _issuer(change: Callable[[str], object]) -> Callable[[Kit], object]:
    return lambda kit: change(kit.claims()["iss"])


def _raw(claim: str, text: bytes) -> Callable[[Kit], str]:
    """A claim whose value is written as it is."""
    return lambda kit: kit.token(claims=compact(kit.claims(**{claim: "@"})).replace(b'"@"', text))


_NOT_TEXT: dict[str, Any] = {"null": None, "a number": 1, "true": True, "an object": {"a": 1}}
_NOT_DATE: dict[str, Any] = {
    "null": None,
    "true": True,
    "false": False,
    "the text never": "never",
    "an empty text": "",
    "an array": [1],
    "an object": {},
}


def _wrong(claim: str, values: dict[str, Any]) -> Iterator[Part[Attack]]:
    for name, value in values.items():
        yield claims(f"{claim} {name}", "claim_type", **{claim: value})


def _times(claim: str) -> Iterator[Part[Attack]]:
    yield from _wrong(claim, _NOT_DATE)
    yield claims(f"{claim} a number as text", "claim_type", **{claim: lambda kit: str(kit.now + 60)})
    yield claims(f"{claim} a date as text", "claim_type", **{claim: "2027-01-15T08:00:00Z"})
    yield signed(f"{claim} NaN", "bad_json", _raw(claim, b"NaN"))
    yield signed(f"{claim} Infinity", "bad_json", _raw(claim, b"Infinity"))
    yield signed(f"{claim} minus Infinity", "bad_json", _raw(claim, b"-Infinity"))


def _name_of_victim(kit: Kit) -> str:
    """Signed with another issuer's key, which that issuer calls as the victim calls its own."""
    impostor = SigningKey(kit.header()["kid"], kit.stranger.algorithm, kit.stranger.private)
    return kit.token(key=impostor)


_NO_MAXIMUM = "No specification sets a longest life. Ours has one (`max_lifetime`)."
_PAST = "RFC 7519 §4.1.6 attaches no check to `iat`. Ours refuses what makes no sense."
_REQUIRED = "RFC 9068 §2.2 requires it of the issuer, and §4 does not make the receiver look."
_FOREIGN = (
    "RFC 7519 does not know the claim; ours checks it, others leave it to the application (RFC 8693 §4)."
)

CLAIMS: tuple[Attack, ...] = (
    control("C", "times with fractions", lambda kit: kit.token(claims=kit.claims(exp=kit.now + 59.5))),
    control("C", "an unknown claim", lambda kit: kit.token(claims=kit.claims(tenant={"id": [1, 2]}))),
    control("C", "no nbf", lambda kit: kit.token(claims=kit.claims(nbf=ABSENT))),
    control(
        "C", "an array of one audience", lambda kit: kit.token(claims=kit.claims(aud=[kit.claims()["aud"]]))
    ),
    control(
        "C",
        "expired within the leeway",
        lambda kit: kit.token(
            claims=kit.claims(iat=kit.now - 60, nbf=kit.now - 60, exp=kit.now - LEEWAY + 5)
        ),
    ),
    *entry(
        "C01",
        "No end",
        "`exp` is missing or is no date, and a lenient validator takes that for no limit.",
        "RFC 7519 §4.1.4, §2; RFC 9068 §2.2; CVE-2026-25537",
        claims("exp missing", "claim_missing", exp=ABSENT),
        *_times("exp"),
        claims("exp negative", "claim_type", exp=-1),
        claims("exp zero", "expired", iat=0, nbf=0, exp=0),
        *[
            note(part, _NO_MAXIMUM)
            for part in (
                claims("exp in an hour and a second", "lifetime_too_long", exp=_later(MAX_LIFETIME + 1)),
                claims("exp in a hundred years", "lifetime_too_long", exp=_later(100 * 365 * 86_400)),
                claims("exp in milliseconds", "lifetime_too_long", exp=lambda kit: (kit.now + 60) * 1000),
                claims("exp of thirty digits", "bad_json", exp=10**30),
                signed("exp beyond every float", "bad_json", _raw("exp", b"1e400")),
                claims(
                    "exp far behind an old iat", "lifetime_too_long", iat=_later(-MAX_LIFETIME), exp=_later(2)
                ),
            )
        ],
    ),
    *entry(
        "C02",
        "Not now",
        "The token has expired, or is not valid yet, by more than clocks may differ.",
        "RFC 7519 §4.1.4, §4.1.5; RFC 9068 §4",
        claims(
            "expired for a second", "expired", iat=_later(-100), nbf=_later(-100), exp=_later(-LEEWAY - 1)
        ),
        note(
            claims("expired this moment", "expired", iat=_later(-100), nbf=_later(-100), exp=_later(-LEEWAY)),
            "The very second at which the leeway ends; how exact leeway is, is nobody's rule.",
        ),
        claims(
            "expired for half a second",
            "expired",
            iat=_later(-100),
            nbf=_later(-100),
            exp=_later(-LEEWAY - 0.5),
        ),
        claims("expired for a day", "expired", iat=_later(-90_000), nbf=_later(-90_000), exp=_later(-86_400)),
        claims("not valid for a second", "not_yet_valid", nbf=_later(LEEWAY + 1)),
        claims("not valid before tomorrow", "not_yet_valid", nbf=_later(86_400)),
        *_times("nbf"),
        note(
            claims("nbf negative", "claim_type", nbf=-1),
            "A moment before 1970 is a number, too. Ours refuses it.",
        ),
        note(claims("iat missing", "claim_missing", iat=ABSENT), _REQUIRED + " Ours does."),
        *_times("iat"),
        *[
            note(part, _PAST)
            for part in (
                claims("issued in the future", "issued_in_future", iat=_later(LEEWAY + 1), exp=_later(90)),
                claims("iat negative", "claim_type", iat=-1),
                claims("dead before it is born", "lifetime_too_long", iat=_later(20), exp=_later(10)),
                claims("dead when it is born", "lifetime_too_long", iat=_later(20), exp=_later(20)),
                claims("iat in milliseconds", "issued_in_future", iat=lambda kit: kit.now * 1000),
            )
        ],
    ),
    *entry(
        "C03",
        "For somebody else",
        "`aud` does not name us, or is nothing that could.",
        "RFC 7519 §4.1.3; RFC 8725 §3.9; RFC 9068 §4",
        claims("aud missing", "claim_missing", aud=ABSENT),
        *_wrong("aud", _NOT_TEXT),
        claims("aud empty", "claim_type", aud=""),
        claims("aud an empty array", "claim_type", aud=[]),
        claims("aud an object with our name", "claim_type", aud=lambda kit: {kit.claims()["aud"]: True}),
        claims("aud our name and a number", "claim_type", aud=_audience(lambda name: [name, 1])),
        claims("aud our name and null", "claim_type", aud=_audience(lambda name: [name, None])),
        claims("aud our name in an inner array", "claim_type", aud=_audience(lambda name: [[name]])),
        claims("another API", "wrong_audience", aud="https://weather.example"),
        claims("two other APIs", "wrong_audience", aud=["https://weather.example", "https://shop.example"]),
        claims("a beginning of our name", "wrong_audience", aud=_audience(lambda name: name[:-3])),
        claims("one character of our name", "wrong_audience", aud=_audience(lambda name: name[0])),
        claims("our name and more", "wrong_audience", aud=_audience(lambda name: name + ".evil.example")),
        claims(
            "our name after a user name",
            "wrong_audience",
            aud=_audience(lambda name: f"https://evil.example/?{name}"),
        ),
        claims("our name with a slash", "wrong_audience", aud=_audience(lambda name: name + "/")),
        claims("our name with a space", "wrong_audience", aud=_audience(lambda name: name + " ")),
        claims("our name in capitals", "wrong_audience", aud=_audience(str.upper)),
        claims(
            "our name in a list as text",
            "wrong_audience",
            aud=_audience(lambda name: f"https://shop.example {name}"),
        ),
        claims(
            "our name with a comma and another",
            "wrong_audience",
            aud=_audience(lambda name: f"{name},https://shop.example"),
        ),
        claims("our name in an array as text", "wrong_audience", aud=_audience(lambda name: f'["{name}"]')),
        claims(
            "our name with a look-alike letter",
            "wrong_audience",
            aud=_audience(lambda name: name.replace("a", "\u0430")),
        ),
        claims("a star", "wrong_audience", aud="*"),
        note(
            claims(
                "our name and another's", "", aud=_audience(lambda name: [name, "https://weather.example"])
            ),
            "Several audiences are legal (RFC 7519 §4.1.3), and each can replay the token at the others."
            " Ours accepts it; the tokens that we issue have one.",
        ),
        note(
            claims("our name and an empty one", "claim_type", aud=_audience(lambda name: [name, ""])),
            "An empty text is a text. Ours refuses it.",
        ),
    ),
    *entry(
        "C04",
        "From somebody else",
        "`iss` is not the issuer whose keys these are.",
        "RFC 7519 §4.1.1; RFC 8725 §3.8; GHSA-75c5-xw7c-p5pm",
        claims("iss missing", "claim_missing", iss=ABSENT),
        *_wrong("iss", _NOT_TEXT),
        claims("iss empty", "claim_type", iss=""),
        claims("iss an array with the right one", "claim_type", iss=_issuer(lambda name: [name])),
        claims("iss an array of two", "claim_type", iss=_issuer(lambda name: [name, "https://evil.example"])),
        claims("another issuer", "wrong_issuer", iss="https://evil.example"),
        claims("another tenant", "wrong_issuer", iss=_issuer(lambda name: name + "/tenant-2")),
        claims("a beginning", "wrong_issuer", iss=_issuer(lambda name: name[:-3])),
        claims("one character", "wrong_issuer", iss=_issuer(lambda name: name[0])),
        claims("and more", "wrong_issuer", iss=_issuer(lambda name: name + ".evil.example")),
        claims("as user name", "wrong_issuer", iss=_issuer(lambda name: name + "@evil.example")),
        claims("with a slash", "wrong_issuer", iss=_issuer(lambda name: name + "/")),
        claims("with its port", "wrong_issuer", iss=_issuer(lambda name: name + ":443")),
        claims("with a space", "wrong_issuer", iss=_issuer(lambda name: name + " ")),
        claims("in capitals", "wrong_issuer", iss=_issuer(str.upper)),
        claims("over http", "wrong_issuer", iss=_issuer(lambda name: name.replace("https", "http"))),
        claims("percent-encoded", "wrong_issuer", iss=_issuer(lambda name: name.replace("e", "%65"))),
        claims(
            "with a look-alike letter", "wrong_issuer", iss=_issuer(lambda name: name.replace("e", "\u0435"))
        ),
        bare("another issuer's key under the right one's name", "bad_signature", _name_of_victim),
        bare(
            "another issuer's key under its own name",
            "unknown_key",
            lambda kit: kit.token(kit.header(kid=kit.stranger.kid), key=kit.stranger),
        ),
    ),
    *entry(
        "C05",
        "About nobody",
        "`sub` is no text.",
        "RFC 7519 §4.1.2; RFC 9068 §2.2",
        note(claims("sub missing", "claim_missing", sub=ABSENT), _REQUIRED + " Ours does."),
        *_wrong("sub", _NOT_TEXT | {"an array": ["user-1"]}),
        note(claims("sub empty", "claim_type", sub=""), "An empty text is a text. Ours refuses it."),
    ),
    *entry(
        "C06",
        "Without a name of its own",
        "`jti`, by which a token is told apart, is no text.",
        "RFC 7519 §4.1.7; RFC 9068 §2.2",
        *_wrong("jti", _NOT_TEXT | {"an array": ["j-1"]}),
        note(claims("jti empty", "claim_type", jti=""), "An empty text is a text. Ours refuses it."),
        note(claims("jti missing", "", jti=ABSENT), _REQUIRED),
        note(claims("client_id missing", "", client_id=ABSENT), _REQUIRED),
    ),
    *entry(
        "C08",
        "Scope and client",
        "",
        "RFC 6749 §3.3; RFC 8693 §4.2, §4.3",
        *[
            note(part, _FOREIGN)
            for part in (
                *_wrong("scope", _NOT_TEXT | {"an array": ["accounts:read"]}),
                claims("scope with a space before", "claim_type", scope=" a"),
                claims("scope with two spaces", "claim_type", scope="a  b"),
                claims("scope with a quotation mark", "claim_type", scope='a"b'),
                claims("scope with a line feed", "claim_type", scope="a\nb"),
                claims("scope with a foreign letter", "claim_type", scope="\u00e9"),
                *_wrong("client_id", _NOT_TEXT | {"an array": ["app-1"]}),
                claims("client_id empty", "claim_type", client_id=""),
            )
        ],
    ),
)
