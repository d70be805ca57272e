"""No credential travels in a claim: found by its name, or by what its value looks like.

Whoever reads a token reads its claims: backends, logs, crash reports, the client that should not even have
looked. A password or another token among them has leaked from the first moment. So it is an error where
tokens are minted, and told before that wherever something is known earlier.

Names are compared as words, whatever parts them. A name is that of a credential by how it ends:
`user_password` is one, `password_changed_at` is none. True, False and null are no credentials.
Values are searched for shapes that prove themselves (a checksum, a Luhn digit, a registered prefix), so that
phone numbers, order numbers, UUIDs and hashes pass. A refusal names the place and never the value.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from tokenward.tokens import opaque

MAX_DEPTH = 8
MAX_VALUES = 1000

Path = tuple[str | int, ...]

# `sub` and `jti` are identifiers of ours, random or chosen by an issuer: they may look like anything.
# RFC 8693 §4.1 nests whole chains of subjects in `act`.
_IDENTIFIERS = frozenset({"sub", "jti"})


class CredentialInClaim(Exception):  # noqa: N818 - reads as the condition it is
    """A claim holds a credential, or too much to tell.

    Attributes:
        claim: where, such as `address.note` or `keys[0].d`.
        why: what it is, in words. Never the value.
    """

    def __init__(self, claim: str, why: str) -> None:
        super().__init__(f"claim {claim}: {why}")
        self.claim = claim
        self.why = why


def check_claims(claims: Mapping[str, object]) -> None:
    """Refuse claims that hold a credential.

    Args:
        claims: JSON values by name, nested at will.

    Raises:
        CredentialInClaim: the first one found; or something nested deeper than 8, more than 1000 values, or
            what is no JSON, since nobody can say what is in it.
    """
    for number, (path, value) in enumerate(_walk((), claims)):
        why = _why_not(path, value) if number < MAX_VALUES else "more values than can be checked"
        if why:
            raise CredentialInClaim(_told(path), why)


@lru_cache(maxsize=1024)
def why_no_claim_name(name: str) -> str:
    """What credential a claim of that name would hold, in words; "" if none."""
    words = [word.lower() for word in _WORDS.findall(name)]
    joined = "".join(words)
    for ending, what in _NAMES.items():
        # Whole words, or so long an ending that it is no accident: `dbpassword`, but not `spin` for `pin`.
        if joined.endswith(ending) and (len(ending) >= _CERTAIN or _are_whole(words, len(ending))):
            return f"its name is that of {what}"
    return ""


def _are_whole(words: list[str], letters: int) -> bool:
    """Whether so many letters at the end are whole words."""
    for word in reversed(words):
        letters -= len(word)
        if letters <= 0:
            break
    return letters == 0


def why_no_claim_value(text: str) -> str:
    """What credential is in the text, in words; "" if none."""
    for shape in SHAPES:
        if shape.hint in text and any(map(shape.proof, shape.pattern.finditer(text))):
            return f"its value looks like {shape.what}"
    return ""


@lru_cache(maxsize=1024)
def _is_credential(name: str) -> bool:
    return bool(why_no_claim_value(name))


def _walk(path: Path, value: object) -> Iterator[tuple[Path, object]]:
    """Every value with the keys that lead to it, objects and arrays before what is in them."""
    if path:
        yield path, value
    if len(path) >= MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from _walk((*path, name), member)
    elif isinstance(value, list | tuple):
        for index, member in enumerate(value):
            yield from _walk((*path, index), member)


def _why_not(path: Path, value: object) -> str:
    name = next((key for key in reversed(path) if isinstance(key, str)), "")
    if isinstance(path[-1], str) and _is_credential(path[-1]):
        return "its name is a credential itself"
    if value is None or isinstance(value, bool):
        return ""
    if why := why_no_claim_name(name):
        return why
    if isinstance(value, str):
        return "" if _is_identifier(path) else why_no_claim_value(value)
    if isinstance(value, int | float):
        if not abs(value) < _LONGEST_NUMBER:
            return ""
        return why_no_claim_value(str(int(value) if value == int(value) else value))
    if len(path) >= MAX_DEPTH:
        return "it is nested too deep to be checked"
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            return "it is no JSON"
        return "it is a private or symmetric key (JWK)" if _is_private_jwk(value) else ""
    return "" if isinstance(value, list | tuple) else "it is no JSON"


def _is_identifier(path: Path) -> bool:
    return path[-1] in _IDENTIFIERS and all(key == "act" for key in path[:-1])


def _is_private_jwk(value: Mapping[object, object]) -> bool:
    """RFC 7518 §6: `d` of every private key, `k` of a symmetric one; RFC 7517 §4.1: `kty` makes it a key."""
    return "kty" in value and not value.keys().isdisjoint(_PRIVATE_MEMBERS)


_PRIVATE_MEMBERS = frozenset({"d", "k", "p", "q", "dp", "dq", "qi", "oth"})


def _told(path: Path) -> str:
    """The path as people write it. A name from outside is cut short, and not told if it is a credential."""
    told = ""
    for key in path:
        name = "…" if _is_credential(str(key)) else str(key)[:60]
        told += f"[{key}]" if isinstance(key, int) else f".{name}"
    return told.removeprefix(".")


# Words of a name: what capitals (`clientSecret`, `APIKey`), digits and separators part. Numbers are passed
# over, so that `password2` and `CVC2` are what they are.
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_CERTAIN = 6  # letters

# The last words of a name, run together → what they name. Plurals only where they cannot be a count.
_NAMES: dict[str, str] = {
    name: what
    for what, names in (
        ("a password", "password passwords passwd passphrase passcode pwd"),
        ("the hash of a password", "passwordhash passwdhash pwdhash"),
        ("a secret", "secret secrets secretkey pepper"),
        ("a secret key", "privatekey privatekeys privkey sharedkey signingkey encryptionkey masterkey"),
        ("an API key", "apikey apikeys accesskey accesskeys"),
        ("a token", "token jwt accesstoken accesstokens refreshtoken refreshtokens idtoken authtoken"),
        ("a session", "cookie cookies sessionkey sessiontoken"),
        ("a credential", "clientassertion connectionstring authorizationcode codeverifier devicecode"),
        ("a factor of sign-in", "otp totp pin puk recoverycode recoverycodes backupcode backupcodes"),
        ("a payment card's data", "cvv cvc csc cardnumber creditcard debitcard cardpan"),
    )
    for name in names.split()
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """What one kind of credential looks like.

    Attributes:
        what: it, in words.
        hint: a text that every one of them holds; looked for first, because that costs next to nothing.
        pattern: where one may stand; linear, since it searches foreign text.
        proof: whether what the pattern found is one.
    """

    what: str
    hint: str
    pattern: re.Pattern[str]
    proof: Callable[[re.Match[str]], bool] = lambda _match: True


def _shape(what: str, hint: str, pattern: str) -> Shape:
    return Shape(what, hint, re.compile(rf"(?<![0-9A-Za-z])(?:{pattern})"))


_KINDS = "|".join(opaque.KINDS)


def _is_ours(match: re.Match[str]) -> bool:
    """The checksum covers the prefix too, whatever that is, and so tells where it begins."""
    end, text = match.start(), match.string
    return any(
        opaque.parse(text[start : match.end()], prefix=text[start:end]) is not None
        for start in range(max(0, end - _LONGEST_PREFIX), end)
    )


_LONGEST_PREFIX = 20
_LONGEST_NUMBER = 10**19  # above it no number is a card's, and some are too long to be written out

_SEPARATORS = str.maketrans("", "", " -")

# First digits → lengths in use (ISO/IEC 7812 issuer identification numbers). Visa numbers of 13 digits have
# gone out of use; German EAN barcodes look the same.
_CARDS: tuple[tuple[re.Pattern[str], range], ...] = (
    (re.compile(r"4"), range(16, 20, 3)),  # Visa
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), range(16, 17)),  # Mastercard
    (re.compile(r"3[47]"), range(15, 16)),  # American Express
    (re.compile(r"6011|64[4-9]|65"), range(16, 20)),  # Discover
    (re.compile(r"30[0-5]|309|36|38|39"), range(14, 20)),  # Diners Club
    (re.compile(r"35(?:2[89]|[3-8])"), range(16, 20)),  # JCB
    (re.compile(r"62|81"), range(16, 20)),  # UnionPay
    (re.compile(r"5018|5020|5038|5893|6304|6759|676[1-3]"), range(16, 20)),  # Maestro
)


def is_card_number(digits: str) -> bool:
    """Whether these digits are a payment card's: a known beginning, its length, the Luhn digit."""
    if not any(prefix.match(digits) and len(digits) in lengths for prefix, lengths in _CARDS):
        return False
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (
        sum(int(digit) for digit in digits[::-2]) + sum(each // 10 + each % 10 for each in doubled)
    ) % 10 == 0


def _holds_card_number(match: re.Match[str]) -> bool:
    return is_card_number(match[0].translate(_SEPARATORS))


# Digits in a row, or in groups parted alike, that no letter, digit, sign or decimal point touches.
_DIGITS = (
    r"(?<![0-9A-Za-z+_])(?<![0-9][ .-])"
    r"(?:[0-9]{14,19}|[0-9]{4}(?P<by>[ -])[0-9]{4}(?P=by)[0-9]{4}(?P=by)[0-9]{4}(?:(?P=by)[0-9]{3})?"
    r"|3[0-9]{3}(?P<of>[ -])[0-9]{6}(?P=of)[0-9]{4,5})"
    r"(?![0-9A-Za-z_])(?![ .-][0-9](?![0-9]?/[0-9]))"  # what may follow is when the card expires
)

SHAPES: tuple[Shape, ...] = (
    Shape("a private key (PEM)", "PRIVATE KEY", re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY")),
    # RFC 7515 §7.1, RFC 7516 §7.1: the base64url of a header begins with eyJ, that of `{"`.
    Shape(
        "a JWT",
        "eyJ",
        re.compile(r"(?<![0-9A-Za-z_-])eyJ[0-9A-Za-z_-]{8,}(?:\.[0-9A-Za-z_-]*){2}"),
    ),
    Shape(
        "one of our own tokens",
        "_",
        re.compile(rf"_(?:{_KINDS})_[0-9A-Za-z]{{60}}(?![0-9A-Za-z])"),
        _is_ours,
    ),
    Shape("a payment card's number", "", re.compile(_DIGITS), _holds_card_number),
    Shape(
        "a password hash",
        "$",
        re.compile(
            r"\$(?:argon2(?:id|i|d)|scrypt|pbkdf2[a-z0-9-]{0,20}|2[abxy]\$[0-9]{2}|[56y]\$[^$\s]{1,40})\$"
            r"[./0-9A-Za-z=,$+]{20}"
        ),
    ),
    Shape("a URL with a password", "://", re.compile(r"://[^\s/?#:@]{0,100}:[^\s/?#@]{1,200}@")),
    Shape(
        "an Authorization header",
        " ",
        re.compile(
            r"(?:^|[:\s])(?i:basic|bearer|dpop) (?=[A-Za-z._~-]*[0-9+/=])[0-9A-Za-z._~+/-]{12,}=*(?!\S)"
        ),
    ),
    Shape("a private key (JWK)", '"kty"', re.compile(r'"[dk]"\s*:\s*"[0-9A-Za-z_-]{20,}"')),
    # Prefixes that issuers registered so that their tokens can be told (each as its issuer documents it).
    _shape("a GitHub token", "gh", r"gh[pousr]_[0-9A-Za-z]{36,}"),
    _shape("a GitHub token", "github_pat_", r"github_pat_[0-9A-Za-z_]{40,}"),
    _shape("a GitLab token", "gl", r"gl(?:pat|dt|rt|cbt|ptt|soat)-[0-9A-Za-z_-]{20,}"),
    _shape("an AWS access key", "A", r"(?:AKIA|ASIA)[A-Z2-7]{16}(?![0-9A-Za-z])"),
    _shape("a Google API key", "AIza", r"AIza[0-9A-Za-z_-]{35}"),
    _shape("a Google OAuth token", "ya29.", r"ya29\.[0-9A-Za-z_-]{20,}"),
    _shape("a Google client secret", "GOCSPX-", r"GOCSPX-[0-9A-Za-z_-]{28}"),
    _shape("a Slack token", "xox", r"xox[abeoprs](?:\.xox[bp])?-[0-9A-Za-z-]{10,}"),
    _shape("a Slack token", "xapp-", r"xapp-[0-9]-[0-9A-Za-z-]{10,}"),
    _shape("a Stripe key", "_", r"(?:sk|rk)_(?:live|test)_[0-9A-Za-z]{16,}|whsec_[0-9A-Za-z+/=]{24,}"),
    _shape("an npm token", "npm_", r"npm_[0-9A-Za-z]{36}"),
    _shape("a PyPI token", "pypi-", r"pypi-AgE[0-9A-Za-z_-]{40,}"),
    _shape("a SendGrid key", "SG.", r"SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}"),
    _shape("an OpenAI key", "sk-", r"sk-(?:[0-9A-Za-z]{40,}|(?:proj|svcacct)-[0-9A-Za-z_-]{32,})"),
    _shape("an Anthropic key", "sk-ant-", r"sk-ant-[0-9A-Za-z_-]{32,}"),
    _shape("a Hugging Face token", "hf_", r"hf_[0-9A-Za-z]{34,}"),
    _shape("a DigitalOcean token", "_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    _shape("a Shopify token", "shp", r"shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32}"),
    _shape("a Databricks token", "dapi", r"dapi[0-9a-f]{32}"),
    _shape("a Vault token", "hv", r"hv[sbr]\.[0-9A-Za-z_-]{24,}"),
    _shape("an age key", "AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
)  # fmt: skip
