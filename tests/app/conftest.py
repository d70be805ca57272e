"""What tests of the configuration share."""

import pytest

from tokenward.app import reach


@pytest.fixture
def two_factor_sign_in(monkeypatch):
    """People can sign in with two factors, without which nothing of tier `critical` starts."""
    monkeypatch.setattr(reach, "SIGN_INS", (("pwd",), ("pwd", "otp")))
