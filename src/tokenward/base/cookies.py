"""Our cookies: one name, one value, as narrow as a browser allows (RFC 6265bis)."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from tokenward.base.addresses import is_loopback
from tokenward.base.asgi import Scope, header_values


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie by name, and how it is set.

    Attributes:
        name: with the prefix `__Host-` where `secure`, which makes the browser refuse it from a subdomain,
            over plain HTTP, or for another path (RFC 6265bis §4.1.3.2).
        secure: whether it travels over TLS only.
        max_age: for how many seconds the browser keeps it; None until it is closed.
    """

    name: str
    secure: bool
    max_age: int | None = None

    def read(self, scope: Scope) -> str | None:
        """The value that the request sent, or None.

        Two values are nobody's: one of them was planted, and the order in which browsers send them is theirs.
        """
        found = self.values(scope)
        return found[0] if len(found) == 1 else None

    def values(self, scope: Scope) -> list[str]:
        """Every value that the request sent, in its order."""
        return [
            value.strip(b" \t").decode("latin-1")
            for header in header_values(scope, b"cookie")
            for name, _, value in (pair.partition(b"=") for pair in header.split(b";"))
            if name.strip(b" \t") == self.name.encode()
        ]

    def set(self, value: str) -> tuple[bytes, bytes]:
        """The response header that sets it."""
        return self._header(value, "" if self.max_age is None else f"; Max-Age={self.max_age}")

    def clear(self) -> tuple[bytes, bytes]:
        """The response header that removes it."""
        return self._header("", "; Max-Age=0")

    def _header(self, value: str, more: str = "") -> tuple[bytes, bytes]:
        # Lax and not Strict: a person who arrives from an application's link is signed in, too.
        attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if self.secure else "") + more
        return b"set-cookie", f"{self.name}={value}{attributes}".encode("ascii")


def cookie(name: str, *, secure: bool, max_age: int | None = None) -> Cookie:
    """The cookie called `name`, prefixed where the connection allows it."""
    return Cookie(f"__Host-{name}" if secure else name, secure, max_age)


def wants_secure(issuer_url: str) -> bool:
    """Whether cookies of this issuer are for TLS only; they are, except on this very machine.

    Raises:
        ValueError: plain HTTP on a host that is not loopback: the session would cross the network readable.
    """
    parts = urlsplit(issuer_url)
    if parts.scheme == "https":
        return True
    if parts.scheme == "http" and is_loopback(parts.hostname or ""):
        return False
    raise ValueError("the URL must be https; http only on a loopback host such as 127.0.0.1")
