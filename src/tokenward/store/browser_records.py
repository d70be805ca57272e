"""What the store keeps of sessions of browser apps."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """One session of an application whose pages hold no token.

    Attributes:
        key: a hash of its name, 32 bytes. The name itself is in the browser's cookie and nowhere else.
        party: provider and client, as one text.
        subject: who signed in, by the provider's name for them.
        sid: the provider's name for its own session, or "".
        issued_at: of the ID token, seconds since the epoch.
        until: when it ends unless it is used before.
        content: claims and tokens, sealed under the name: who has the row has nothing.
    """

    key: bytes
    party: str
    subject: str
    sid: str
    issued_at: float
    until: float
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class BrowserLogout:
    """A provider said that a person signed out there.

    Attributes:
        party: of which provider, to which client.
        subject: whose sessions are meant; "" where only `sid` says which.
        sid: the one session that is meant; "" for all of the subject's.
        issued_at: when it was said, seconds since the epoch: what rests on an ID token of later is not meant.
        kept_until: until when sessions that are about to begin are held against it.
    """

    party: str
    subject: str
    sid: str
    issued_at: float
    kept_until: float
