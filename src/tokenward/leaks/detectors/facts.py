"""What was read from a credential, made fit to be shown."""

_LONGEST = 200


def shown(value: object) -> str:
    """One line of printable text, at most 200 characters of it: strangers wrote what is found."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    text = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
