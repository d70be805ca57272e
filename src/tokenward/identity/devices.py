"""Browsers that people have signed in from before, and what people call them.

A device cookie (OWASP, "Slow Down Online Guessing Attacks with Device Cookies") names the persons who proved
themselves in this browser. It opens nothing. It tells an attempt of the owner from those of everybody else,
so that whoever guesses from elsewhere slows down only elsewhere, and it tells when to warn of a new device.
"""

import json
import re
import unicodedata
from dataclasses import dataclass

from tokenward.base.asgi import Scope, header_values
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.cookies import Cookie
from tokenward.base.entropy import identifier
from tokenward.tokens import base64url
from tokenward.tokens.sealing import Sealer

LIFETIME = 400 * 24 * 60 * 60
"""Seconds since the last sign-in for which a device is known: as long as browsers keep a cookie (RFC 6265bis
§5.5)."""

MOST_PEOPLE = 10
"""Persons that a device remembers: the last ones."""

_CONTEXT = b"identity/device"
_MAX_NAME = 40

# In this order: most browsers also say that they are the ones behind them.
_BROWSERS = (
    ("Edge", re.compile(r"\bEdg(?:A|iOS)?/")),
    ("Opera", re.compile(r"\b(?:OPR|OPT)/")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/")),
    ("Chrome", re.compile(r"\b(?:Chrome|Chromium|CriOS)/")),
    ("Safari", re.compile(r"\bVersion/\S+ (?:Mobile/\S+ )?Safari/")),
)
_SYSTEMS = (
    ("iPhone", re.compile(r"\biPhone\b")),
    ("iPad", re.compile(r"\biPad\b")),
    ("Android", re.compile(r"\bAndroid\b")),
    ("Windows", re.compile(r"\bWindows\b")),
    ("ChromeOS", re.compile(r"\bCrOS\b")),
    ("macOS", re.compile(r"\bMacintosh\b")),
    ("Linux", re.compile(r"\bLinux\b")),
)


@dataclass(frozen=True, slots=True)
class Device:
    """A browser, as its cookie tells.

    Attributes:
        device_id: random; nobody else's attempts can come under it.
        user_ids: who signed in here, the last one last.
    """

    device_id: str
    user_ids: tuple[str, ...]


class Devices:
    """Reads and writes the device cookie.

    Args:
        sealer: so that only we write it, and nobody reads in it who shares a computer.
        cookie: with `LIFETIME` as its `max_age`.
        clock: for its age.
    """

    def __init__(self, sealer: Sealer, cookie: Cookie, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._sealer = sealer
        self._cookie = cookie
        self._clock = clock

    def known(self, scope: Scope, user_id: str) -> bool:
        """Whether this person signed in from here before."""
        return bool(self.id_for(scope, user_id))

    def id_for(self, scope: Scope, user_id: str) -> str:
        """The device's id if this person signed in from here before, else "": for `throttle`."""
        device = self._read(scope)
        return device.device_id if device is not None and user_id in device.user_ids else ""

    def with_user(self, scope: Scope, user_id: str) -> tuple[bytes, bytes]:
        """The response header after this person proved who they are, with every factor that they need."""
        device = self._read(scope) or Device(identifier(), ())
        others = [each for each in device.user_ids if each != user_id]
        people = [*others, user_id][-MOST_PEOPLE:]
        facts = {"id": device.device_id, "at": int(self._clock.time()), "people": people}
        return self._cookie.set(
            base64url.encode(self._sealer.seal(json.dumps(facts).encode(), context=_CONTEXT))
        )

    def _read(self, scope: Scope) -> Device | None:
        value = self._cookie.read(scope)
        if not value:
            return None
        try:
            facts = json.loads(self._sealer.open(base64url.decode(value), context=_CONTEXT))
        except ValueError:  # not base64url, or not sealed by us: what was sealed is ours, and JSON
            return None
        if self._clock.time() - facts["at"] > LIFETIME:
            return None
        return Device(facts["id"], tuple(facts["people"]))


def device_of(scope: Scope) -> str:
    """What a person would call the browser that sent this request; see `device_name`."""
    agents = header_values(scope, b"user-agent")
    return device_name(agents[0].decode("latin-1")) if agents else ""


def device_name(user_agent: str) -> str:
    """What a person would call the browser, such as "Firefox on Linux"; at most 40 characters.

    Where the header tells of no browser that we know, its beginning; "" where there is none. It is what was
    said, no more: anybody can send any.
    """
    browser, system = (
        next((name for name, pattern in table if pattern.search(user_agent)), "")
        for table in (_BROWSERS, _SYSTEMS)
    )
    if browser:
        return f"{browser} on {system}" if system else browser
    shown = "".join(character for character in user_agent[:256] if unicodedata.category(character)[0] != "C")
    return shown.strip()[:_MAX_NAME]
