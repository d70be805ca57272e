"""What was read from a credential, made fit to be shown."""

_LONGEST = 200
_LONGEST_USER = 20  # characters; a longer name without an @ is more likely a token than a person


def shown(value: object) -> str:
    """One line of printable text, at most 200 characters of it: strangers wrote what is found."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    text = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def shown_user(name: bytes) -> str:
    """The name of a user, as above; "" where a token may stand in its place."""
    return "" if len(name) > _LONGEST_USER and b"@" not in name else shown(name.decode("utf-8", "replace"))
