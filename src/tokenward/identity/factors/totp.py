"""Codes of an authenticator app: six digits, a new one every 30 seconds (TOTP, RFC 6238).

`cryptography` computes a code of a step (HOTP, RFC 4226). Which step it was is kept here, so that no code is
good twice (RFC 6238 §5.2); that is why nothing verifies with a library's yes or no.
"""

import hmac
import re
from base64 import b32decode, b32encode
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from markupsafe import Markup

from tokenward.base.entropy import random_bytes
from tokenward.base.secret import Secret

STEP = 30
"""Seconds that a code is shown."""

WINDOW = 1
"""Steps before and after the present one that are taken: clocks differ, and people type (RFC 6238 §5.2)."""

FAR = 10 * 60
"""Seconds within which a code shows that a clock is wrong, rather than that it was guessed."""

_DIGITS = 6
_SECRET = 20  # bytes: the length of HMAC-SHA-1's output (RFC 4226 §4, R6)
_CODE = re.compile(rf"[0-9]{{{_DIGITS}}}")


@dataclass(frozen=True, slots=True)
class Match:
    """A code was right: that of this step, counted in `STEP` seconds since 1970. Use it up."""

    step: int


def new_secret() -> Secret:
    """160 random bits in base32 (32 characters), as apps take them."""
    return Secret(b32encode(random_bytes(_SECRET)).decode())


def match(secret: Secret, code: str, now: float) -> Match | None:
    """The step whose code this is, if it is near `now`; whether it was used before is the store's to know.

    Spaces are nothing: apps show two groups of three. Every step is compared, each in constant time.
    """
    found = _step_of(secret, code, now, range(-WINDOW, WINDOW + 1))
    return None if found is None else Match(found)


def code(secret: Secret, now: float) -> str:
    """The code that an app shows at that moment."""
    return _hotp(secret).generate(int(now // STEP)).decode()


def clock_off(secret: Secret, code: str, now: float, *, enrolling: bool = False) -> int | None:
    """By how many seconds the person's clock seems to be wrong, less than 0 where it is slow; else None.

    A hint to whose code `match` refused, and never a reason to take it. A code of the past will never be
    good; one of the future will: who guesses and is told so only needs to wait. So that is told only while
    a person sets up the app, when the secret is on their screen.
    """
    far = FAR // STEP
    steps = range(-far, far + 1 if enrolling else 0)
    found = _step_of(secret, code, now, steps)
    return None if found is None else (found - int(now // STEP)) * STEP


def provisioning_uri(secret: Secret, issuer: str, username: str) -> str:
    """The `otpauth:` address that an app reads from a QR code (Key Uri Format). It holds the secret.

    SHA-1, six digits and 30 seconds are said although they are the defaults: apps differ.
    """
    facts = {
        "secret": secret.reveal(),
        "issuer": issuer,
        "algorithm": "SHA1",
        "digits": _DIGITS,
        "period": STEP,
    }
    # A colon stands between issuer and account, so it can be in neither.
    label = ":".join(quote(part.replace(":", " "), safe="") for part in (issuer, username))
    return f"otpauth://totp/{label}?{urlencode(facts, quote_via=quote)}"


def qr_svg(uri: str) -> Markup:
    """The address as a QR code: inline SVG without script or style, black on white in light and dark alike.

    The white margin is part of the code (ISO/IEC 18004): without it a dark page hides it from cameras.
    """
    import segno  # noqa: PLC0415 - for those who set up an app, and nobody else

    code = segno.make(uri, error="m", micro=False, boost_error=False)
    drawn = code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None)
    return Markup(drawn)  # noqa: S704 - the address is in the squares, not in the text


def _hotp(secret: Secret) -> HOTP:
    return HOTP(b32decode(secret.reveal()), _DIGITS, SHA1())  # noqa: S303 - what apps compute (RFC 4226)


def _step_of(secret: Secret, code: str, now: float, steps: range) -> int | None:
    digits = "".join(code.split())
    if not _CODE.fullmatch(digits):
        return None
    present = int(now // STEP)
    codes = _hotp(secret)
    found = None
    for step in sorted((present + away for away in steps), key=lambda step: -abs(step - present)):
        if hmac.compare_digest(codes.generate(step), digits.encode()):
            found = step  # the nearest one wins
    return found
