"""A provider on loopback, a shop that signs people in by it, and browsers before the shop."""

import pytest

from client.web.visit import Browser, application, provider


@pytest.fixture
def op(fake, monkeypatch):
    monkeypatch.setenv("FAKE_SECRET", "a secret of the fake client")
    return provider(fake)


@pytest.fixture
def shop(op):
    return application(op)


@pytest.fixture
def browser(op, shop):
    return Browser(shop, op)
