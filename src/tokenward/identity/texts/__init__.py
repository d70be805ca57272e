"""What the pages say, in one file a language, so that it can be translated without touching a template.

A text is plain: no markup, and of Python's format language only `{name}`. Where a template wants a part in
bold it passes that part as markup; the text around it is escaped like anything else.
"""

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from string import Formatter

from markupsafe import Markup, escape

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Texts:
    """The texts of one language, by `page.name`.

    Args:
        tables: page → name → text, as `en.toml` has them.
        language: the BCP 47 tag for `<html lang>`.

    Raises:
        ValueError: a key or a text is none; the message names it.
    """

    def __init__(self, tables: Mapping[str, Mapping[str, str]], *, language: str) -> None:
        self.language = language
        self._texts = {
            f"{page}.{name}": text for page, table in tables.items() for name, text in table.items()
        }
        self._placeholders = {key: _placeholders(key, text) for key, text in self._texts.items()}

    @property
    def placeholders(self) -> Mapping[str, frozenset[str]]:
        """Every key with the names of the values that its text needs."""
        return self._placeholders

    def t(self, key: str, **values: object) -> str:
        """The text with its values, for mails and the terminal.

        Raises:
            KeyError: no such text.
            ValueError: it has other placeholders than `values`.
        """
        return self._checked(key, values).format(**values)

    def html(self, key: str, **values: object) -> Markup:
        """The same for a page: text and values are escaped, except for a value that is markup already.

        Raises:
            KeyError, ValueError: as `t`.
        """
        return escape(self._checked(key, values)).format(**values)

    def _checked(self, key: str, values: Mapping[str, object]) -> str:
        if values.keys() != self._placeholders[key]:
            raise ValueError(f"the text {key} has the placeholders {sorted(self._placeholders[key])}")
        return self._texts[key]


def english() -> Texts:
    """The texts as they are written first."""
    return Texts(tomllib.loads(files(__name__).joinpath("en.toml").read_text("utf-8")), language="en")


def _placeholders(key: str, text: object) -> frozenset[str]:
    page, _, name = key.partition(".")
    if not (_NAME.fullmatch(page) and _NAME.fullmatch(name) and isinstance(text, str) and text.strip()):
        raise ValueError(f"{key!r} must be page.name, of lower-case letters, and have a text")
    found = set()
    for _, field, form, conversion in Formatter().parse(text):  # raises where a brace is left alone
        if field is None:
            continue
        if form or conversion or not _NAME.fullmatch(field):
            # `{x.y}`, `{x[0]}` and `{x:>9}` would let a text reach into what it is given, or reshape it.
            raise ValueError(f"the text {key} may have placeholders like {{name}} only")
        found.add(field)
    return frozenset(found)
