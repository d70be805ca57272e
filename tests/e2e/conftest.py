"""A demo that really runs: separate processes, real HTTP, a database on disk. One for each worker."""

from collections.abc import Generator

import httpx
import pytest

from tokenward.app.demo import Demo, running_demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Generator[Demo]:
    directory = tmp_path_factory.mktemp("demo")
    with running_demo(directory, free_ports=True) as running:
        yield running


@pytest.fixture
def http() -> Generator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client
