"""Character references of HTML and XML (HTML §13.5), for ASCII characters: others stand in no secret."""

import re
from html.entities import html5

_NAMED = {
    f"&{name}".encode(): character.encode()
    for name, character in html5.items()
    if name.endswith(";") and len(character) == 1 and " " <= character <= "~"
}
_NAMED_IN_USE = re.compile(b"&[A-Za-z]{2,8};")
_NUMERIC = {f"{code};".encode(): bytes([code]) for code in range(9, 127)}
_NUMERIC |= {f"0{code};".encode(): bytes([code]) for code in range(9, 127)}
_NUMERIC |= {
    f"{x}{code:{form}};".encode(): bytes([code])
    for x in "xX"
    for form in ("x", "X", "04x", "04X")
    for code in range(9, 127)
}


def undone(data: bytes, *, line_feed: bytes) -> bytes:
    """The text with what its entities stand for.

    Args:
        data: the text.
        line_feed: what comes out where an entity stands for a line feed.
    """
    if b"&#" in data:
        first, *rest = data.split(b"&#")
        parts = [first]
        for part in rest:
            end = part.find(b";", 0, 8) + 1
            byte = _NUMERIC.get(part[:end])
            parts += (b"&#", part) if byte is None else (line_feed if byte == b"\n" else byte, part[end:])
        data = b"".join(parts)
    # As often as each is there: `replace` of one that is not costs next to nothing.
    for name in set(_NAMED_IN_USE.findall(data)) - {b"&amp;"}:
        if name in _NAMED:
            data = data.replace(name, _NAMED[name])
    return data.replace(b"&amp;", b"&")
