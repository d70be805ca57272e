"""Output in which secrets are masked, also where one comes in pieces.

What a program prints ends in logs of CI, in scrollback and in tickets. It writes when it likes, so a secret
may be split over any number of writes, and what looks like the beginning of one waits for what follows.
"""

from collections import deque
from collections.abc import Iterator

from tokenward.base.secret import MASK, Secret

HEAD = 24
"""Bytes of a secret by which it is told: from so many on, a piece of it is masked as well."""

PROMPT = 8
"""Fewer bytes than this, that look like a beginning, are shown when nothing follows: they may end a prompt,
and tell no more than which kind of token it would be."""

_MOST = 100


class Secrets:
    """What is masked: the newest hundred. They can be added to while output flows."""

    def __init__(self) -> None:
        self._known: deque[tuple[bytes, bytes]] = deque(maxlen=_MOST)

    def add(self, secret: Secret) -> None:
        """Mask this one, too, from now on."""
        value = secret.reveal().encode()
        if value and all(value != known for known, _ in self._known):
            self._known.append((value, value[: _head(value)]))

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        """Each with its head."""
        return iter(tuple(self._known))


def _head(value: bytes) -> int:
    """How many bytes tell this one. JWTs of one issuer begin alike, and are no tokens without signatures."""
    return value.rfind(b".") + HEAD if value.startswith(b"eyJ") else HEAD


class Masked:
    """One stream of output.

    Args:
        secrets: what is masked in it.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        # The last bytes, if they are the beginning of a head; and how many of them were shown all the same.
        self._held = b""
        self._shown = 0
        # Secrets of which so many bytes have come, and been masked, and more may come.
        self._inside: list[bytes] = []
        self._seen = 0

    @property
    def is_waiting(self) -> bool:
        """Whether something is held back that `idle` would show."""
        return self._shown < len(self._held) < PROMPT

    def feed(self, data: bytes) -> bytes:
        """What can be shown, now that this has come."""
        data = self._after_inside(data)
        text, shown, out, position = self._held + data, self._shown, [], 0
        while data and (at := self._next(text, position)) >= 0:
            out += [text[max(position, shown) : at], MASK.encode()]
            position = at + self._into(text[at:])
        kept = self._beginning(text[position:]) if not self._inside else 0
        end = len(text) - kept
        out.append(text[max(position, shown) : max(position, end)])
        self._held, self._shown = text[end:], max(0, shown - end)
        return b"".join(out)

    def idle(self) -> bytes:
        """What can be shown because nothing has come for a while."""
        if not self.is_waiting:
            return b""
        out = self._held[self._shown :]
        self._shown = len(self._held)
        return out

    def end(self) -> bytes:
        """What is left."""
        out, self._held, self._shown = self._held[self._shown :], b"", 0
        return out

    def _after_inside(self, data: bytes) -> bytes:
        """What follows the secret in the middle of which the last piece ended."""
        if self._inside and data:
            rest = {secret: _common(secret[self._seen :], data) for secret in self._inside}
            longest = max(rest.values())
            self._inside = [
                secret
                for secret, length in rest.items()
                if length == longest == len(data) and self._seen + length < len(secret)
            ]
            self._seen += longest
            return data[longest:]
        return data

    def _next(self, text: bytes, start: int) -> int:
        """Where the next head begins; -1 for nowhere."""
        found = [text.find(head, start) for _, head in self._secrets]
        return min((at for at in found if at >= 0), default=-1)

    def _into(self, text: bytes) -> int:
        """How much of `text`, which begins with a head, is that of a secret."""
        lengths = {secret: _common(secret, text) for secret, head in self._secrets if text.startswith(head)}
        longest = max(lengths.values())
        if longest == len(text):
            self._inside = [secret for secret, n in lengths.items() if n == longest < len(secret)]
            self._seen = longest
        return longest

    def _beginning(self, text: bytes) -> int:
        """How many of the last bytes may be the beginning of a head."""
        longest = 0
        for _, head in self._secrets:
            for length in range(min(len(head) - 1, len(text)), longest, -1):
                if text.endswith(head[:length]):
                    longest = length
                    break
        return longest


def _common(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    most = min(len(one), len(other))
    if one[:most] == other[:most]:
        return most
    return next(index for index in range(most) if one[index] != other[index])
