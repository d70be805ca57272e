"""Where a reporter saw a credential, without what else stood there.

Reporters write down what they find, and an address may hold a password, a path the secret itself. None of
that is needed to find the place again, so it is not kept: of an address only scheme, host, port and path, and
of words that look like secrets nothing.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import unquote, urlsplit

from tokenward.base.problems import INVALID_INPUT, Refusal
from tokenward.base.redaction import MASK, redact
from tokenward.leaks.detectors.assignments.strength import randomness
from tokenward.store.leak_records import Evidence

LONGEST_URL = 2000  # characters
_LONGEST_PATH = 1000
_MOST_LINES = 2**31
_FIRST_YEAR, _LAST_YEAR = 1971, 2200  # what every calendar and every zone can show

_SOURCE = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,39}")
_COMMIT = re.compile(r"[0-9a-f]{4,64}")
_WORD = re.compile(rf"[0-9A-Za-z_+=~-]{{16,}}+(?!{re.escape(MASK)})")  # of what is masked the name may stay
_COMMIT_ID = re.compile(r"[0-9a-f]{40}")  # stands in every permanent link of a code host
_RANDOM = 0.5


def read_place(found: Mapping[str, object], reporter: str) -> Evidence:
    """Where a reporter saw it.

    Args:
        found: what it tells: source, path, line, commit, url and since, each optional.
        reporter: as in `Evidence`.

    Raises:
        Refusal: INVALID_INPUT, whose text says what is wrong.
    """
    if not set(found) <= {"source", "path", "line", "commit", "url", "since"}:
        raise wrong("found may have source, path, line, commit, url and since")
    source = text_of(found, "source", 40)
    if source and not is_source(source):
        raise wrong("a source is one lower-case word")
    commit = text_of(found, "commit", 64)
    if commit and not _COMMIT.fullmatch(commit):
        raise wrong("a commit is its id in hex digits")
    line = found.get("line", 0)
    if not isinstance(line, int) or isinstance(line, bool) or not 0 <= line < _MOST_LINES:
        raise wrong("a line is a number from 1")
    return Evidence(
        reporter,
        source,
        without_secrets(text_of(found, "path", _LONGEST_PATH)),
        line,
        commit,
        address(text_of(found, "url", LONGEST_URL)),
        _moment(text_of(found, "since", 40)),
    )


def is_source(text: str) -> bool:
    """Whether it is a word for a kind of place."""
    return _SOURCE.fullmatch(text) is not None


def address(url: str) -> str:
    """What is kept of an address: scheme, host, port and path. "" of what is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if not parts.scheme or not host:
        return ""
    where = f"[{host}]" if ":" in host else without_secrets(host)
    path = unquote(parts.path)
    # As it was written, where it may be, so that it still leads there.
    kept = parts.path if _masked(path) == path else without_secrets(path)
    return f"{parts.scheme}://{where}{'' if port is None else f':{port}'}{kept}"


def without_secrets(text: str) -> str:
    """The text with all that looks like a secret masked, and every control character."""
    return "".join(character if character.isprintable() else "?" for character in _masked(text))


def _masked(text: str) -> str:
    return _WORD.sub(_mask, redact(text))


def _mask(word: re.Match[str]) -> str:
    if _COMMIT_ID.fullmatch(word[0]) or randomness(word[0].encode()) <= _RANDOM:
        return word[0]
    return MASK


def _moment(text: str) -> float | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not _FIRST_YEAR <= moment.year < _LAST_YEAR:
        raise wrong("since is a moment as in RFC 3339, such as 2026-11-27T12:00:00Z")
    return moment.timestamp()


def text_of(told: Mapping[str, object], name: str, longest: int) -> str:
    """The text of that name, or "".

    Raises:
        Refusal: INVALID_INPUT, it is none, too long, or not printable.
    """
    text = told.get(name, "")
    if not isinstance(text, str) or len(text) > longest or not text.isprintable():
        raise wrong(f"{name} must be a text of at most {longest} printable characters")
    return text


def wrong(what: str) -> Refusal:
    """The refusal of a report in which something is wrong."""
    return Refusal(INVALID_INPUT, what)
