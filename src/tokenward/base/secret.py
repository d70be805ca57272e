"""A value that refuses to be shown by accident."""

from typing import Never

MASK = "[secret]"


class Secret:
    """Holds one text; only `reveal()` gives it back.

    repr, str, format, pickle, copy and JSON show the mask or fail, and a traceback that prints local
    variables shows the mask. Equality is by identity: comparing secrets is the job of `hmac.compare_digest`.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself. Grep for this name to find every place that touches one."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce_ex__(self, _protocol: object) -> Never:
        raise TypeError("a Secret cannot be pickled or copied")

    __reduce__ = __reduce_ex__  # type: ignore[assignment]
