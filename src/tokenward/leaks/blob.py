"""What a source yields."""

from dataclasses import dataclass, field

WHOLE_TEXT = 32 * 1024 * 1024  # bytes: a text up to this size is one blob, a larger one comes in windows
WHOLE = 64 * 1024 * 1024  # bytes: the same for what is no text, and may be a container
WHOLE_ARCHIVE = 512 * 1024 * 1024  # bytes: the same for archives, such as images of containers
WINDOW = 16 * 1024 * 1024  # bytes of one window
OVERLAP = 64 * 1024  # bytes that a window shares with the one before it, so that no secret is cut in two


@dataclass(frozen=True, slots=True)
class Origin:
    """The commit that brought a blob to a path.

    Attributes:
        path: of the file in the repository; "commit <id>" or "tag <name>" for a message.
        commit: the object id, in hex.
        author: name and address as the commit gives them.
        date: the author date, RFC 3339.
    """

    path: str
    commit: str
    author: str
    date: str


@dataclass(frozen=True, slots=True)
class Blob:
    """One file's worth of bytes, or a window of a file that is larger than `WHOLE` or `WHOLE_TEXT`.

    Windows of a file follow each other in one call of the reader and overlap by `OVERLAP` bytes or less, so
    that a secret near an edge is seen twice, at the same place.

    Attributes:
        path: as in `Place.path`. A name that is no UTF-8 holds surrogate escapes, and any name may hold
            control characters.
        data: all of it.
        object_id: of the git object, for later attribution; None outside git.
        first_line: the number of the first line of `data` (a hunk of a diff does not begin at 1).
        offset: bytes of the file before `data`; 0 but for windows.
        window: `data` is not the whole file; a container cannot be opened.
        old: what stood there before; a secret that stands in it is not new. None where everything counts.
        origin: the commit, where the source knows it already, as a mail of `git format-patch` does.
        names: `data` are these names of files, one a line, and no content; see `naming`.
    """

    path: str
    data: bytes = field(repr=False)
    object_id: str | None = None
    first_line: int = 1
    offset: int = 0
    window: bool = False
    old: bytes | None = field(default=None, repr=False)
    origin: Origin | None = None
    names: tuple[str, ...] = ()
