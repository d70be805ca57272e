"""What a source yields."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Blob:
    """One file's worth of bytes.

    Attributes:
        path: as in `Place.path`.
        data: all of it.
        object_id: of the git object, for later attribution; None outside git.
        first_line: the number of the first line of `data` (a hunk of a diff does not begin at 1).
    """

    path: str
    data: bytes = field(repr=False)
    object_id: str | None = None
    first_line: int = 1
