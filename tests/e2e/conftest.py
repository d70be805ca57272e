"""A demo that really runs: separate processes, real HTTP, a database on disk. One for each worker.

And Debian's Chromium.
"""

import os
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright

from tokenward.app.demo import Demo, running_demo

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing")
        pytest.skip("Chromium is not installed: scripts/test-tools.sh does it")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Generator[Demo]:
    directory = tmp_path_factory.mktemp("demo")
    with running_demo(directory, free_ports=True) as running:
        yield running


@pytest.fixture
def http() -> Generator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client
