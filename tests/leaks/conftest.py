import os

import pytest

from git_repositories import Repository, isolated


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """Git knows nothing of whoever runs the tests, nor of a hook that they run in."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name, value in isolated(tmp_path / "home").items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def repository(tmp_path, alone) -> Repository:
    return Repository(tmp_path / "r")
