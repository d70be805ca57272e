"""Rules that hold for every test of the suite."""

import logging
from collections.abc import Generator

import pytest

from tokenward.base.secret import Secret

_formatter = logging.Formatter()
_secrets_of_this_test: set[str] = set()


def _remembering_init(self: Secret, value: str) -> None:
    self._value = value
    if isinstance(value, str) and len(value) >= 8:
        _secrets_of_this_test.add(value)


Secret.__init__ = _remembering_init  # type: ignore[method-assign]


class _Recorder(logging.Handler):
    """Keeps what was logged as it was before any redaction."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.texts.append(_formatter.format(record))
        except (TypeError, ValueError):
            self.texts.append(f"{record.msg!s} {record.args!s}")


@pytest.fixture(autouse=True)
def no_secret_is_logged(request: pytest.FixtureRequest) -> Generator[None]:
    """Everything that a test logs, at every level, is searched for every secret that it made.

    The search comes before redaction: the redactor is the last net and must not be needed.
    Only tests of the redactor itself may log a secret; they say so with the mark `logs_secrets`.
    """
    _secrets_of_this_test.clear()
    recorder = _Recorder()
    logger = logging.getLogger("tokenward")
    level = logger.level
    logger.addHandler(recorder)
    logger.setLevel(logging.DEBUG)
    yield
    logger.removeHandler(recorder)
    logger.setLevel(level)
    if request.node.get_closest_marker("logs_secrets"):
        return
    everything = "\n".join(recorder.texts)
    leaked = sum(secret in everything for secret in list(_secrets_of_this_test)[:20_000])
    assert not leaked, f"{leaked} secrets of this test stand in what it logged"
