"""Rules that hold for every test of the suite."""

import logging
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from leaking import leaks
from tokenward.base.secret import Secret
from tokenward.client import Vault

# No test is timed: on a busy machine an example takes as long as it takes.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_formatter = logging.Formatter()
_secrets_of_this_test: set[str] = set()
_secrets_of_this_session: set[str] = set()


def _remembering_init(self: Secret, value: str) -> None:
    self._value = value
    if isinstance(value, str) and len(value) >= 8:
        _secrets_of_this_test.add(value)
        _secrets_of_this_session.add(value)


Secret.__init__ = _remembering_init  # type: ignore[method-assign]


class _Recorder(logging.Handler):
    """Keeps what any logger was told, as it was before any redaction."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(("httpx", "httpcore")):
            return  # the tests' own browser; the servers keep theirs quiet (`configure_logging`)
        try:
            self.texts.append(_formatter.format(record))
        except (TypeError, ValueError):
            self.texts.append(f"{record.msg!s} {record.args!s}")


@pytest.fixture(autouse=True)
def no_secret_is_logged(request: pytest.FixtureRequest) -> Generator[None]:
    """Everything that a test logs, at every level, is searched for every secret that it made.

    The search comes before redaction: the redactor is the last net and must not be needed.
    Only tests of the redactor itself may log a secret; they say so with the mark `logs_secrets`.
    What other processes log is searched by `no_process_logs_a_secret`.
    """
    _secrets_of_this_test.clear()
    recorder = _Recorder()
    logger = logging.getLogger()
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


@pytest.fixture(scope="session", autouse=True)
def no_process_logs_a_secret(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Every log file that a process of this session wrote is searched, when all of them have ended.

    For the secrets that were made here, and for every text that has the shape of one: the servers make
    tokens, codes and cookies of which this process may never hear.
    """
    yield
    secrets = {secret.encode() for secret in _secrets_of_this_session if len(secret) >= 16}
    leaking = [
        path.relative_to(tmp_path_factory.getbasetemp())
        for path in sorted(tmp_path_factory.getbasetemp().rglob("*.log"))
        if leaks(path.read_bytes(), secrets)
    ]
    assert not leaking, f"these logs hold a secret: {leaking}"


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """A vault of the client library, under a key of its own."""
    key = tmp_path / "key"
    key.write_text("0123456789abcdef" * 2)
    key.chmod(0o600)
    return Vault(tmp_path / "vault", key=f"file:{key}")
