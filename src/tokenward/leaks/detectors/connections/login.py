"""Whose password it is and where it is good, whichever way that is written."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Login:
    """A password in its place, with what stands beside it.

    Attributes:
        start: offset of the secret.
        end: offset after it.
        secret: as it is written.
        password: what it says: decoded, where the text encodes it.
        user: b"" where none stands there.
        host: "" where none stands there.
        where: the protocol of a connection, such as "postgresql", or of which program a file is.
        alone: it stands in a user's place, without any password: only its look speaks for it.
    """

    start: int
    end: int
    secret: bytes = field(repr=False)
    password: bytes = field(repr=False)
    user: bytes
    host: str
    where: str
    alone: bool = False
