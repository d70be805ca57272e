import pytest

from tokenward.base.problems import STEP_UP_NEEDED, challenge
from tokenward.flows.step_up import StepUp, read_step_up

ERROR = 'error="insufficient_user_authentication"'


def test_what_our_own_gateway_writes_is_read():
    written = challenge(STEP_UP_NEEDED, realm="bank", scheme="DPoP", acr_values="urn:two", max_age="300")
    assert read_step_up(written) == StepUp(("urn:two",), 300)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f'Bearer {ERROR}, acr_values="three two"', StepUp(("three", "two"))),
        (f"bearer {ERROR},max_age=5", StepUp((), 5)),
        (f'Basic realm="x, y=\\"z\\"", DPoP algs="ES256", {ERROR}, max_age="0"', StepUp((), 0)),
        (f'Bearer realm="a", DPoP {ERROR} , max_age = 7', StepUp((), 7)),
    ],
    ids=["levels", "token", "after-another", "spaces"],
)  # fmt: skip
def test_what_is_wanted_is_read(text, wanted):
    assert read_step_up(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bearer",
        f"Bearer {ERROR}",
        f'Bearer realm="{ERROR}, max_age=5"',
        'Bearer error="invalid_token", max_age=5',
        f"Basic {ERROR}, max_age=5",
        f"{ERROR}, max_age=5",
        f"Bearer {ERROR}, max_age=-5",
        f'Bearer {ERROR}, max_age="{"9" * 40}"',
        f'Bearer {ERROR}, acr_values="a\tb"',
        f'Bearer {ERROR}, acr_values="{"a" * 9000}"',
        f'Bearer {ERROR}, acr_values="unfinished',
    ],
    ids=range(12),
)
def test_what_says_nothing_that_a_person_could_do_is_nothing(text):
    assert read_step_up(text) is None
