"""Values that are something else: code, places, names of things, other kinds of data."""

from functools import cache
from typing import Any, Final

from tokenward.leaks.detectors.compiling import compiled

# Whole values; the first that fits tells what it is.
_SHAPES: Final = (
    ("an address", rb"[a-z][a-z0-9+.\-]{1,20}://.*|//.*|www\..*|mailto:.*|data:.*"),
    (
        "a path",
        (
            rb"(?:\.{0,2}/|~/|[A-Za-z]:[\\/]|\\\\)[\w.\-/\\ @{}$]*\.\w{1,10}|(?:/[a-z][\w.\-]*){2,}/?|"
            rb"\./.*|\.\./.*|@?[\w\-]+(?:/[\w\-]+)+\.\w{1,5}|/[a-z_\-]+/?"
        ),
    ),
    (
        "a file's name",
        (
            rb"[\w.\-/\\]+\.(?:pem|key|crt|cer|json|txt|ya?ml|xml|py|js|ts|go|java|rb|php|p12|pfx|jks|html?|css|md|sh|"
            rb"conf|cfg|ini|env|properties|log|sql|db|gz|zip|png|svg|pub|ppk|test|com|org|net|io|local|internal)"
        ),
    ),
    ("an e-mail address", rb"[\w.+\-]+@[\w\-]+\.[\w.\-]+"),
    ("a version or a number", rb"[vV]?[\d.,_:+\-xX%]+[a-z]{0,4}"),
    ("an identifier of a site", rb"UA-\d+-\d+|G-[A-Z0-9]{10}|GTM-[A-Z0-9]+|ca-pub-\d+"),
    ("a date", rb"\d{4}-\d\d-\d\d.*"),
    ("a media type", rb"(?:application|text|image|audio|video|multipart|font)/[\w.+\-*]+.*"),
    ("a call or an index", rb"[\w.$:>\-]+[(\[].*[)\]];?"),
    (
        "an expression",
        (rb"[\w.$]+(?:\s|->|::|=>|\|\||&&|==|\+=|\?\.|!=)[\w.$(].*|[@&$%][\w:.]+%?|\$?\w+->.*|\w+::.*"),
    ),
    ("a dotted name", rb"!?[\w$]+(?:\??\.[\w$]+)+[;,]?"),
    ("a list or a template", rb"[\[{(<].*[\]})>]|.*(?:\{\w*\}|<\w+>).*|.*%[sdvrfi].*|.*[{}].*[{}].*"),
    ("a constant's name", rb"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+"),
    ("a label", rb"[A-Z]?[\w' \-]*[A-Za-z][:.?!,]"),
    ("names", rb"[A-Za-z]+(?:[,;|/][A-Za-z_\-]+)+"),
    (
        "a public key or a hash",
        (
            rb"ssh-.*|ecdsa-.*|AAAA[BCE]3Nza.*|\$(?:1|2[abxy]?|5|6|y|argon2\w*|apr1|P|H|pbkdf2.*)\$.*|"
            rb"pbkdf2[_:].*|HMACSHA[\d+]*:.*|\{S?SHA\d*\}.*|(?:hmac)?(?:sha\d+(?:\+\d+)?|md5|scram-sha-\d+)[:=$\-].*|"
            rb"(?:bcrypt|argon2|scrypt)\W.*|[!*]"
        ),
    ),
    ("a character's code", rb"(?:\\[uUx][0-9a-fA-F]+)+|&[a-z#0-9]+;.*|(?:0x[0-9a-fA-F]{1,2},?)+"),
    ("a pattern", rb"\^.*\$|.*(?:\\[dwsbDWSB.]|\(\?|\[\^|\]\+|\]\*|\.\*|\.\+).*|/.*/[gimsuy]{1,4}"),
    (
        "a reference",
        (
            rb"(?:arn|urn|env|file|vault|secret|ref|keyring|ssm|op|gcp|aws|kms|cmd|sm|akv|projects?)[:/].*|"
            rb"enc(?:rypted)?[:(\[].*|ENC\[.*|AQICAH.*|!vault.*"
        ),
    ),
    ("an identifier", rb"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"),
)
UUID: Final = "an identifier"
# Shapes that random characters can have by chance.
BY_CHANCE: Final = frozenset({"a path", "a dotted name", "names", "a constant's name"})


@cache
def _shapes() -> tuple[tuple[str, Any], ...]:
    return tuple((what, compiled(pattern)) for what, pattern in _SHAPES)


@cache
def _any_shape() -> Any:  # noqa: ANN401 - re2 has no types
    return compiled(b"|".join(b"(?:" + pattern + b")" for _, pattern in _SHAPES))


def expression(value: bytes) -> str:
    """What the value is instead of a secret, or ""."""
    if not _any_shape().fullmatch(value):
        return ""
    return next(what for what, pattern in _shapes() if pattern.fullmatch(value))
