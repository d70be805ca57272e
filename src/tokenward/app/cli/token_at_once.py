"""`tokenward token`, as scripts call it often."""

import os

from tokenward.app.workstation.failing import COULD_NOT_RUN
from tokenward.app.workstation.printing import Asked, NotPrinted, print_token
from tokenward.app.workstation.profiles import ProfileError

_FLAGS = {"--json": "as_json", "--show": "show"}
_VALUES = ("profile", "audience", "scope")


def at_once(arguments: list[str]) -> int | None:
    """The exit code of `tokenward token …`, all said; None where only the parser knows an option."""
    asked = _read(arguments[1:])
    return None if asked is None else run(asked)


def run(asked: Asked) -> int:
    """Print the token, or say why not; the exit code."""
    try:
        print_token(asked)
    except NotPrinted as error:
        text, code = str(error), error.code
    except ProfileError as error:
        text, code = str(error), error.code
    except ValueError as error:
        text, code = str(error), COULD_NOT_RUN
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the end of the process flushes once more
        text, code = "nobody reads the token", COULD_NOT_RUN
    else:
        return 0
    from tokenward.app.cli.console import complain  # noqa: PLC0415 - it is slow to import

    complain(text)
    return code


def _read(arguments: list[str]) -> Asked | None:
    flags = dict.fromkeys(_FLAGS.values(), False)
    values: dict[str, list[str]] = {name: [] for name in _VALUES}
    left = iter(arguments)
    for word in left:
        if word in _FLAGS:
            flags[_FLAGS[word]] = True
            continue
        value = next(left, "")
        if word[2:] not in values or not word.startswith("--") or not value or value.startswith("-"):
            return None
        values[word[2:]].append(value)
    if len(values["profile"]) > 1 or len(values["audience"]) > 1:
        return None
    return Asked(
        profile="".join(values["profile"]),
        audience="".join(values["audience"]),
        scope=tuple(" ".join(values["scope"]).split()),
        **flags,
    )
