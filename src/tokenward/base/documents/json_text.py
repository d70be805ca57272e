"""JSON: the standard library says whether it is, and a pass over its tokens where everything stands."""

import json
import math
import re
from typing import Any

from tokenward.base.documents.building import Builder
from tokenward.base.documents.source import Lines, SourceError

MAX_DIGITS = 300

# Of text that is JSON, up to where it is not any more: a key or a text, a beginning, an end, a quotation mark
# whose partner is missing, anything else.
_TOKEN = re.compile(
    r'("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|([{\[])|([}\]])|(")|([^\s,:{}\[\]"]+)',
    re.DOTALL,
)
_KEY, _TEXT, _START, _END, _CUT = 2, 1, 3, 4, 5
_CONSTANTS = {"true": True, "false": False, "null": None}
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


def build(text: str, lines: Lines, builder: Builder, *, lenient: bool) -> None:
    """Give `builder` all that `text` holds.

    Raises:
        SourceError: it is no JSON (RFC 8259), or what the builder refuses. What stands before that was given.
    """
    error = _wrong(text, lines)
    if error is not None and not lenient:
        raise error[0]
    end = len(text) if error is None else error[1]
    for match in _TOKEN.finditer(text, 0, end):
        kind, at = match.lastindex, match.start()
        if kind == _KEY:
            builder.key(_text(match[_TEXT], at, lines, lenient=lenient), at)
        elif kind == _TEXT:
            if builder.expects_key():  # the colon is what is missing
                break
            builder.value(_text(match[_TEXT], at, lines, lenient=lenient), at)
        elif kind == _START:
            builder.start({} if match[_START] == "{" else [], at)
        elif kind == _END:
            builder.end()
        elif kind == _CUT or builder.expects_key():
            break
        else:
            builder.value(_scalar(match[0], at, lines, lenient=lenient), at)
    if error is not None:
        raise error[0]


def _wrong(text: str, lines: Lines) -> tuple[SourceError, int] | None:
    """Why it is no JSON, and up to which offset it is."""
    try:
        json.loads(text, parse_constant=_refuse_constant, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        at = min(error.pos, len(text))
        return lines.error("syntax", f"not JSON: {error.msg}", "mend it", at), at
    except ValueError:
        return lines.error("syntax", "JSON with NaN or Infinity", "mend it", 0), 0
    except RecursionError:
        return None  # the builder counts the levels
    return None


def _refuse_constant(_name: str) -> Any:  # noqa: ANN401 - json's interface
    raise ValueError("NaN and Infinity are not JSON")


def _text(token: str, at: int, lines: Lines, *, lenient: bool) -> str:
    if "\\" not in token:
        return token[1:-1]
    text: str = json.loads(token)
    if _LONE_SURROGATE.search(text):
        if not lenient:
            raise lines.error("syntax", "half of a surrogate pair", "write the character itself", at)
        text = _LONE_SURROGATE.sub("\ufffd", text)
    return text


def _scalar(token: str, at: int, lines: Lines, *, lenient: bool) -> str | float | bool | None:
    if token in _CONSTANTS:
        return _CONSTANTS[token]
    if len(token) <= MAX_DIGITS:
        number = float(token) if any(each in token for each in ".eE") else int(token)
        if math.isfinite(number):
            return number
    if not lenient:
        raise lines.error("number", "a number too large to compute with", "quote it", at)
    return token
