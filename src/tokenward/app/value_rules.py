"""What the kinds of values of a file share: how a refusal is made, and how a list is read."""

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError


def bad_value(code: str, text: str, remedy: str) -> PydanticCustomError:
    """The refusal of a value, in words for the person who wrote the file."""
    # The texts come from here; braces would be taken for placeholders.
    return PydanticCustomError(code, text, {"remedy": remedy})


def each_once(words: tuple[str, ...], code: str) -> tuple[str, ...]:
    """The words, unless one is there twice; `code` names their kind."""
    if len(set(words)) != len(words):
        raise bad_value(code, f"a {code} is named twice", "keep one of them")
    return words


def as_tuple(value: object) -> object:
    """A list as a tuple, anything else as it is."""
    return tuple(value) if isinstance(value, list) else value  # YAML knows lists only


A_LIST = BeforeValidator(as_tuple)
