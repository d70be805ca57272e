"""How large a request may be and how long each side may take, where an API or operation says otherwise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the policy says; None leaves it to the door.

    Attributes:
        body: bytes of a request body.
        connect: seconds until a new connection to the upstream is there.
        read: seconds for which the upstream may be silent.
        client: seconds for which the client may neither send the rest of its body nor take the answer.
    """

    body: int | None = None
    connect: float | None = None
    read: float | None = None
    client: float | None = None


UNBOUND = Bounds()
