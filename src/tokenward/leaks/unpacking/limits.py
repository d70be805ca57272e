"""How much unpacking a file may cost, whatever it claims about itself."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for everything that comes out of one outermost file.

    Attributes:
        depth: containers inside each other.
        members: files in all of them together.
        member: bytes of one of them.
        total: bytes of all of them together.
        free: bytes that may come out of however few.
        ratio: above `free`, bytes that may come out of each byte of the outermost file.
    """

    depth: int = 8
    members: int = 100_000
    member: int = 256 * MIB
    total: int = 1024 * MIB
    free: int = 10 * MIB
    ratio: int = 200


LIMITS = Limits()


class Spent(Exception):  # noqa: N818 - says what the budget is
    """Nothing more of this outermost file is unpacked; the message says which bound was met."""


class Budget:
    """Counts what came out of one outermost file, at every depth."""

    def __init__(self, size: int, limits: Limits = LIMITS) -> None:
        """Begin with nothing unpacked.

        Args:
            size: of the outermost file, in bytes.
            limits: the bounds.
        """
        self.limits = limits
        self._members = 0
        self._bytes = 0
        self._most = min(limits.total, max(limits.free, limits.ratio * size))

    def count_member(self) -> None:
        """One more member is about to be read.

        Raises:
            Spent: there were too many, or too many bytes have come out already.
        """
        self._members += 1
        if self._members > self.limits.members:
            raise Spent(f"more than {self.limits.members:,} members in one file")
        if self._bytes >= self._most:
            raise Spent(f"more than {self._most:,} bytes unpacked from one file")

    def room(self) -> int:
        """How many bytes the next member may have."""
        return min(self.limits.member, self._most - self._bytes)

    def take(self, size: int) -> None:
        """So many bytes came out."""
        self._bytes += size
