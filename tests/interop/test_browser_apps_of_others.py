"""Browser apps at issuers that we did not write, side by side with one at ours."""

from collections.abc import Callable, Iterator

import pytest

from interop import browser_apps, installed
from interop.browser_apps import Visit
from interop.test_clients_of_others import there


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    command = there(installed.node())
    with browser_apps.running(command, tmp_path_factory.mktemp("browser-apps") / "house") as running:
        yield running


@pytest.mark.parametrize("flow", browser_apps.FLOWS, ids=lambda flow: flow.__name__)
def test_a_browser_app_at_an_issuer_of_others(visit: Visit, flow: Callable[[Visit], None]) -> None:
    flow(visit)
