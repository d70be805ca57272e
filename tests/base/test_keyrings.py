import keyring
import keyring.backend
import pytest

from tokenward.base import keyrings
from tokenward.base.secret import Secret


class Forgetful(keyring.backend.KeyringBackend):
    """Takes everything and gives back something else."""

    priority = 1

    def get_password(self, service, name):
        return "another"

    def set_password(self, service, name, value):
        pass


@pytest.fixture
def forgetful():
    before = keyring.get_keyring()
    keyring.set_keyring(Forgetful())
    yield
    keyring.set_keyring(before)


def test_what_a_keyring_forgets_was_not_kept_and_is_not_shown(forgetful):
    with pytest.raises(ValueError, match="forgot what it was given") as caught:
        keyrings.keep("shop", "api_key", Secret("what was to be kept"))
    assert "what was to be kept" not in repr(caught.value)


def test_a_keyring_of_somebody_else_s_making_is_not_trusted_to_seal(forgetful):
    assert not keyrings.usable()
