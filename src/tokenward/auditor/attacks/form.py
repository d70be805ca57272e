"""Family F: text that is no compact JWT, or is one only to a lenient reader."""

import json
from collections.abc import Callable

from tokenward.auditor.attacks.kit import Kit, b64, compact
from tokenward.auditor.attacks.table import Attack, bare, control, entry, note, signed

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _insert(part: int, text: str) -> Callable[[Kit], str]:
    """Foreign characters inside one part, which a lenient decoder skips."""
    return lambda kit: kit.with_part(part, lambda old: old[:4] + text + old[4:])


def _append(part: int, text: str) -> Callable[[Kit], str]:
    return lambda kit: kit.with_part(part, lambda old: old + text)


def _plain_base64(kit: Kit) -> str:
    """A good signature in the alphabet of RFC 4648 §4; another one is made until the two differ."""
    for number in range(1000):
        front, dot, signature = kit.token(claims=kit.claims(jti=f"j-{number}")).rpartition(".")
        if set("-_") & set(signature):
            return front + dot + signature.replace("-", "+").replace("_", "/")
    raise AssertionError("a thousand signatures without - and _")


def stray_bits(text: str) -> str:
    """The same bytes in another spelling: an unused low bit of the last character is set."""
    return text[:-1] + _ALPHABET[_ALPHABET.index(text[-1]) | 1]


def _stray_but_signed(part: int) -> Callable[[Kit], str]:
    """Header or claims in another spelling, and the signature is good for it."""

    def forge(kit: Kit) -> str:
        spellings = ([compact(kit.header(x5t=fill)), compact(kit.claims(fill=fill))] for fill in ("A", "AA"))
        parts = next([b64(text) for text in texts] for texts in spellings if len(texts[part]) % 3)
        parts[part] = stray_bits(parts[part])
        signing_input = ".".join(parts)
        return f"{signing_input}.{b64(kit.key.sign(signing_input.encode()))}"

    return forge


def _flattened(kit: Kit, **changes: object) -> str:
    header, claims, signature = kit.parts
    return json.dumps({"protected": header, "payload": claims, "signature": signature} | changes)


def _general(kit: Kit, *signatures: str) -> str:
    header, claims, _ = kit.parts
    listed = [{"protected": header, "signature": signature} for signature in signatures]
    return json.dumps({"payload": claims, "signatures": listed})


def _polyglot(kit: Kit) -> str:
    """A good flattened JWS whose first member, split at the dots, is a header and forged claims."""
    header, claims, signature = kit.parts
    forged = b64(compact(kit.claims(sub="admin")))
    return (
        f'{{"{header}.{forged}.":"","protected":"{header}","payload":"{claims}","signature":"{signature}"}}'
    )


def _in_header(text: bytes) -> Callable[[Kit], str]:
    return lambda kit: kit.token(text)


def _in_claims(text: bytes) -> Callable[[Kit], str]:
    return lambda kit: kit.token(claims=text)


def _member(raw: bytes) -> Callable[[Kit], str]:
    """The good claims with one more member, written as it is."""
    return lambda kit: kit.token(claims=compact(kit.claims())[:-1] + b"," + raw + b"}")


def _header_member(raw: bytes) -> Callable[[Kit], str]:
    return lambda kit: kit.token(compact(kit.header())[:-1] + b"," + raw + b"}")


def _first_member(raw: bytes) -> Callable[[Kit], str]:
    return lambda kit: kit.token(claims=b"{" + raw + b"," + compact(kit.claims())[1:])


def _recoded(encoding: str) -> Callable[[Kit], str]:
    return lambda kit: kit.token(claims=json.dumps(kit.claims()).encode(encoding))


_LAST_WINS = (
    "RFC 7519 §4 and RFC 7515 §4 let a parser take the last of two members of one name; two parsers in one"
    " chain may then believe different ones, hence ours takes none."
)
_STRAY = (
    "The unused bits of a part's last character are set: the same bytes under another text, which a list of"
    " revoked or seen tokens does not know. RFC 4648 §3.5 lets a decoder refuse it; ours does."
)
_MARK = "RFC 8259 §8.1 lets a parser ignore a byte order mark. Ours refuses it."
_DEEP = "JSON has no limit, and parsers that recurse fall over; RFC 8259 §9 lets a parser set one. Ours: 8."
_NO_LIMIT = "No specification limits the size; ours refuses before it spends time."
_PYTHON = "A matter of the Python interface, not of the token: ours takes exactly `str`."

FORM: tuple[Attack, ...] = (
    control("F", "the good token", lambda kit: kit.good, needs=False),
    *entry(
        "F01",
        "Base64url with extras",
        "A part has characters that base64url has not, which a lenient decoder skips: many texts, one token.",
        "RFC 7515 §2; RFC 4648 §3.3",
        bare("padding after the signature", "bad_base64", _append(2, "==")),
        bare("padding after the header", "bad_base64", _append(0, "=")),
        bare("padding after the claims", "bad_base64", _append(1, "=")),
        bare("padding inside the signature", "bad_base64", _insert(2, "=")),
        bare("four padding characters", "bad_base64", _append(2, "====")),
        signed("plain base64 alphabet", "bad_base64", _plain_base64),
        bare("space in the signature", "bad_base64", _insert(2, " ")),
        bare("space in the claims", "bad_base64", _insert(1, " ")),
        bare("space before", "bad_base64", lambda kit: " " + kit.good),
        bare("space after", "bad_base64", _append(2, " ")),
        bare("line feed after", "bad_base64", _append(2, "\n")),
        bare("line feed in the signature", "bad_base64", _insert(2, "\n")),
        bare("CR LF in the signature", "bad_base64", _insert(2, "\r\n")),
        bare("CR LF and a header field after", "bad_base64", _append(2, "\r\nX-User: admin")),
        bare("tab in the signature", "bad_base64", _insert(2, "\t")),
        bare("NUL after", "bad_base64", _append(2, "\0")),
        bare("NUL in the signature", "bad_base64", _insert(2, "\0")),
        bare("exclamation mark in the signature", "bad_base64", _insert(2, "!")),
        bare("percent-encoded padding", "bad_base64", _append(2, "%3D")),
        bare("Cyrillic letter in the signature", "bad_base64", _insert(2, "\u0430")),
        bare("full-width letter in the signature", "bad_base64", _insert(2, "\uff21")),
        bare("letter with a combining accent", "bad_base64", _insert(2, "A\u0301")),
        bare("no-break space after", "bad_base64", _append(2, "\xa0")),
        bare("zero-width space in the signature", "bad_base64", _insert(2, "\u200b")),
        bare("byte order mark before", "bad_base64", lambda kit: "\ufeff" + kit.good),
        bare("lone surrogate in the claims", "bad_base64", _insert(1, "\ud800")),
        bare("authorization scheme before", "bad_base64", lambda kit: "Bearer " + kit.good),
        bare("quotation marks around", "bad_base64", lambda kit: f'"{kit.good}"'),
        bare("three characters too many", "bad_base64", _append(2, "AAA")),
    ),
    *entry(
        "F02",
        "Bits that mean nothing",
        "",
        "RFC 4648 §3.5",
        *[
            note(part, _STRAY)
            for part in (
                bare("in the signature", "bad_base64", lambda kit: kit.with_part(2, stray_bits)),
                signed("in the header, signed so", "bad_base64", _stray_but_signed(0)),
                signed("in the claims, signed so", "bad_base64", _stray_but_signed(1)),
            )
        ],
    ),
    *entry(
        "F03",
        "Not three parts",
        "A compact JWS is three base64url parts, none of them empty in a signed JWT.",
        "RFC 7515 §7.1; CVE-2025-27144; CVE-2025-30204",
        bare("empty text", "malformed", lambda _: ""),
        bare("one part", "malformed", lambda kit: kit.parts[0]),
        bare("two parts", "malformed", lambda kit: kit.good.rpartition(".")[0]),
        bare("four parts", "malformed", lambda kit: kit.good + ".AAAA"),
        bare("dot after", "malformed", lambda kit: kit.good + "."),
        bare("dot before", "malformed", lambda kit: "." + kit.good),
        bare("two dots in a row", "malformed", lambda kit: kit.good.replace(".", "..", 1)),
        bare("two dots only", "malformed", lambda _: ".."),
        bare("a million dots", "too_large", lambda _: "." * 1_000_000),
        bare("empty header", "malformed", lambda kit: kit.with_part(0, lambda _: "")),
        bare("empty claims", "malformed", lambda kit: kit.with_part(1, lambda _: "")),
        bare("two tokens, comma between", "malformed", lambda kit: f"{kit.good},{kit.good}"),
        bare("two tokens, space between", "malformed", lambda kit: f"{kit.good} {kit.good}"),
        bare("no text: None", "malformed", lambda _: None),
        bare("no text: a list", "malformed", lambda kit: kit.parts),
        bare("no text: a mapping", "malformed", lambda kit: kit.claims()),
        note(bare("no text: bytes", "malformed", lambda kit: kit.good.encode()), _PYTHON),
        note(bare("no text: a bytearray", "malformed", lambda kit: bytearray(kit.good.encode())), _PYTHON),
        note(
            bare("a subclass of str", "malformed", lambda kit: type("Text", (str,), {})(kit.good)),
            "A subclass may answer differently each time it is asked. " + _PYTHON,
        ),
    ),
    *entry(
        "F04",
        "JSON serialization",
        "A JWT is always in compact serialization; who reads both forms may be shown one and verify another.",
        "RFC 7519 §3; CVE-2022-39227",
        bare("flattened", "malformed", _flattened),
        bare("general, one signature", "malformed", lambda kit: _general(kit, kit.parts[2])),
        bare("general, no signatures", "malformed", _general),
        bare("general, one of two is good", "malformed", lambda kit: _general(kit, "AAAA", kit.parts[2])),
        bare("JSON and compact at once", "bad_base64", _polyglot),
    ),
    *entry(
        "F05",
        "Unprotected header",
        "A header that nobody signed says how to verify.",
        "RFC 7515 §7.2.1; RFC 7519 §3",
        bare("alg none unprotected", "malformed", lambda kit: _flattened(kit, header={"alg": "none"})),
        bare(
            "alg unprotected only",
            "malformed",
            lambda kit: _flattened(kit, protected="", header=kit.header()),
        ),
        bare(
            "key unprotected",
            "malformed",
            lambda kit: _flattened(kit, header={"jwk": kit.stranger.public_jwk()}),
        ),
    ),
    *entry(
        "F06",
        "Not one JSON object in UTF-8",
        "Header or claims are no JSON object, or only for a parser that accepts more than JSON.",
        "RFC 7519 §7.2; RFC 8259; RFC 8725 §3.7",
        signed("header an array", "bad_json", _in_header(b'["ES256"]')),
        signed("header a string", "bad_json", _in_header(b'"alg"')),
        signed("header a number", "bad_json", _in_header(b"256")),
        signed("header null", "bad_json", _in_header(b"null")),
        signed("header no JSON", "bad_json", _in_header(b"alg=ES256")),
        signed("header and more", "bad_json", lambda kit: kit.token(compact(kit.header()) + b"{}")),
        note(
            signed(
                "header with a byte order mark",
                "bad_json",
                lambda kit: kit.token(b"\xef\xbb\xbf" + compact(kit.header())),
            ),
            _MARK,
        ),
        signed(
            "header in UTF-16", "bad_json", lambda kit: kit.token(json.dumps(kit.header()).encode("utf-16"))
        ),
        note(
            signed("header nested deeply", "bad_json", _header_member(b'"x":' + b"[" * 600 + b"]" * 600)),
            _DEEP,
        ),
        signed("header unclosed", "bad_json", _in_header(b'{"alg":' * 200)),
        signed("claims an array", "bad_json", _in_claims(b'["iss"]')),
        signed("claims a string", "bad_json", _in_claims(b'"claims"')),
        signed("claims a number", "bad_json", _in_claims(b"1")),
        signed("claims null", "bad_json", _in_claims(b"null")),
        signed("claims true", "bad_json", _in_claims(b"true")),
        signed("claims no JSON", "bad_json", _in_claims(b"<claims/>")),
        signed("claims of white space", "bad_json", _in_claims(b" ")),
        signed("claims another token", "bad_json", lambda kit: kit.token(claims=kit.good.encode())),
        signed("claims and more", "bad_json", lambda kit: kit.token(claims=compact(kit.claims()) + b"{}")),
        signed("claims and a NUL", "bad_json", lambda kit: kit.token(claims=compact(kit.claims()) + b"\0")),
        note(
            signed(
                "claims with a byte order mark",
                "bad_json",
                lambda kit: kit.token(claims=b"\xef\xbb\xbf" + compact(kit.claims())),
            ),
            _MARK,
        ),
        signed("claims in UTF-16", "bad_json", _recoded("utf-16")),
        signed("claims in UTF-16, without a mark", "bad_json", _recoded("utf-16-le")),
        signed("claims in UTF-32", "bad_json", _recoded("utf-32")),
        signed("claims in UTF-7", "bad_json", lambda kit: kit.token(claims=b"+AHsAIg-sub+ACI-:1}")),
        signed("octet that is not UTF-8", "bad_json", _member(b'"x":"\xff"')),
        signed("overlong UTF-8", "bad_json", _member(b'"x":"\xc0\xaf"')),
        signed("surrogate in UTF-8", "bad_json", _member(b'"x":"\xed\xa0\x80"')),
        signed("line feed in a string", "bad_json", _member(b'"x":"a\nb"')),
        signed("single quotes", "bad_json", _member(b"'x':'y'")),
        signed("name without quotes", "bad_json", _member(b"x:1")),
        signed("comment", "bad_json", _member(b'"x":1/* */')),
        signed("trailing comma", "bad_json", _member(b'"x":1,')),
        signed("NaN", "bad_json", _member(b'"x":NaN')),
        signed("Infinity", "bad_json", _member(b'"x":Infinity')),
        signed("hexadecimal number", "bad_json", _member(b'"x":0x10')),
        signed("number with leading zeros", "bad_json", _member(b'"x":007')),
        note(
            signed("lone surrogate escaped", "bad_json", _member(rb'"x":"\ud800"')),
            "RFC 8259 §8.2 allows it and calls its effect unpredictable; ours refuses it.",
        ),
        note(
            signed("integer of 6000 digits", "bad_json", _member(b'"x":' + b"9" * 6000)),
            "JSON has no limit; beyond 2⁵³ parsers disagree, hence ours has one (RFC 7493 §2.2).",
        ),
        note(
            signed("number beyond every float", "bad_json", _member(b'"x":1e999')),
            "JSON has no limit; it becomes Infinity where the parser knows one, hence ours refuses it.",
        ),
        note(
            signed("claims nested deeply", "bad_json", _member(b'"x":' + b"[" * 5000 + b"]" * 5000)),
            _DEEP,
        ),
        signed("claims unclosed", "bad_json", _in_claims(b'{"a":' * 1500)),
        note(
            signed(
                "white space around", "", lambda kit: kit.token(claims=b" " + compact(kit.claims()) + b"\r\n")
            ),
            "White space is JSON. Nothing of ours compares claims as text.",
        ),
    ),
    *entry(
        "F07",
        "One name twice",
        "A member is there twice, and two readers believe different ones.",
        "RFC 7515 §4; RFC 7519 §4; RFC 7493 §2.3",
        *[
            note(part, _LAST_WINS)
            for part in (
                signed("header with alg none last", "bad_json", _header_member(b'"alg":"none"')),
                signed("header with alg HS256 last", "bad_json", _header_member(b'"alg":"HS256"')),
                signed(
                    "header with alg none first",
                    "bad_json",
                    lambda kit: kit.token(b'{"alg":"none",' + compact(kit.header())[1:]),
                ),
                signed("header with typ twice", "bad_json", _header_member(b'"typ":"at+jwt"')),
                signed("sub twice", "bad_json", _member(b'"sub":"admin"')),
                signed("sub twice, spelled differently", "bad_json", _member(rb'"\u0073ub":"admin"')),
                signed("sub first", "bad_json", _first_member(b'"sub":"admin"')),
                signed("iss first", "bad_json", _first_member(b'"iss":"https://evil.example"')),
                signed("aud first", "bad_json", _first_member(b'"aud":"https://evil.example"')),
                signed("exp first", "bad_json", _first_member(b'"exp":9999999999')),
                signed("twice inside an object", "bad_json", _member(b'"act":{"sub":"a","sub":"b"}')),
            )
        ],
    ),
    *entry(
        "F08",
        "Larger than sense",
        "A token that costs time or memory before anybody knows who sent it.",
        "CVE-2025-61920",
        *[
            note(part, _NO_LIMIT)
            for part in (
                signed(
                    "claims of 20 kB", "too_large", lambda kit: kit.token(claims=kit.claims(x="x" * 20_000))
                ),
                signed(
                    "claims of 1 MB", "too_large", lambda kit: kit.token(claims=kit.claims(x="x" * 1_000_000))
                ),
                signed("header of 3 kB", "too_large", lambda kit: kit.token(kit.header(x5t="x" * 3_000))),
                signed(
                    "a hundred thousand members",
                    "too_large",
                    lambda kit: kit.token(claims=kit.claims() | dict.fromkeys(map(str, range(100_000)), 0)),
                ),
            )
        ],
        bare("kid of 100 kB", "too_large", lambda kit: _unsigned(kit, kid="k" * 100_000)),
        bare("signature of 100 kB", "too_large", lambda kit: kit.with_part(2, lambda _: "A" * 100_000)),
    ),
)


def _unsigned(kit: Kit, **header: object) -> str:
    """Another header before the good token's claims and signature."""
    return kit.with_part(0, lambda _: b64(compact(kit.header(**header))))
