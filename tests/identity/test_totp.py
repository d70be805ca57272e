import os
import re
import shutil
import subprocess
from base64 import b32encode
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.base.secret import Secret
from tokenward.identity.factors.totp import (
    FAR,
    STEP,
    Match,
    clock_off,
    match,
    new_secret,
    provisioning_uri,
    qr_svg,
)

# RFC 6238, appendix B: the last six of the eight digits for SHA-1.
RFC_SECRET = Secret(b32encode(b"12345678901234567890").decode())
RFC_CODES = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}
NOW = 1111111111
CODE = RFC_CODES[NOW]


@pytest.mark.parametrize("now", RFC_CODES)
def test_codes_are_those_of_the_rfc(now):
    assert match(RFC_SECRET, RFC_CODES[now], now) == Match(now // STEP)


@given(st.integers(FAR, 2**33))
def test_another_program_agrees(now):
    program = shutil.which("oathtool")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("oathtool is missing")
        pytest.skip("needs oathtool (Debian: apt install oathtool)")
    secret = new_secret()
    command = [program, "--totp", "--base32", "--now", f"@{now}", "-"]
    told = subprocess.run(command, input=secret.reveal(), capture_output=True, text=True, check=True)
    assert match(secret, told.stdout.strip(), now) == Match(now // STEP)


@pytest.mark.parametrize("away", [-1, 0, 1])
def test_a_code_is_good_for_a_step_before_and_after(away):
    assert match(RFC_SECRET, CODE, NOW + away * STEP) == Match(NOW // STEP)


@pytest.mark.parametrize("away", [-20, -2, 2, 20])
def test_a_code_of_another_time_is_refused_and_the_clock_suspected(away):
    now = NOW + away * STEP
    assert match(RFC_SECRET, CODE, now) is None
    assert clock_off(RFC_SECRET, CODE, now, enrolling=True) == -away * STEP


@pytest.mark.parametrize("away", [-21, 21])
def test_a_code_that_is_far_off_says_nothing_of_the_clock(away):
    assert FAR == 20 * STEP
    assert clock_off(RFC_SECRET, CODE, NOW + away * STEP, enrolling=True) is None


def test_who_signs_in_is_not_told_that_a_code_will_be_good():
    assert clock_off(RFC_SECRET, CODE, NOW - 2 * STEP) is None
    assert clock_off(RFC_SECRET, CODE, NOW) is None
    assert clock_off(RFC_SECRET, CODE, NOW + 2 * STEP) == -2 * STEP


@pytest.mark.parametrize("typed", ["050 471", " 050471 ", "05 04 71", "050\u00a0471"])
def test_spaces_are_nothing(typed):
    assert match(RFC_SECRET, typed, NOW)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "05047",
        "0504711",
        "50471",
        "050472",
        "05047l",
        "\u0660\u0665\u0660\u0664\u0667\u0661",
        "050-471",
        "+50471",
        "\ud800" * 6,
    ],
)
def test_anything_else_is_no_code(typed):
    assert match(RFC_SECRET, typed, NOW) is None
    assert clock_off(RFC_SECRET, typed, NOW, enrolling=True) is None


def test_another_secret_has_other_codes():
    assert match(Secret(b32encode(b"x" * 20).decode()), CODE, NOW) is None


def test_where_two_steps_have_one_code_the_nearest_counts(monkeypatch):
    monkeypatch.setattr("tokenward.identity.factors.totp.HOTP", lambda *_: Same())
    assert match(RFC_SECRET, CODE, NOW) == Match(NOW // STEP)


class Same:
    def generate(self, _step):
        return CODE.encode()


def test_secrets_are_long_and_never_the_same():
    secrets = {new_secret().reveal() for _ in range(50)}
    assert len(secrets) == 50
    assert all(re.fullmatch("[A-Z2-7]{32}", secret) for secret in secrets)


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_an_app_reads_who_where_and_the_secret(issuer, username):
    issuer, username = f"{issuer}:", f"{username}:"  # what stands between the two
    uri = provisioning_uri(RFC_SECRET, issuer, username)
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("otpauth", "totp", "")
    label = [unquote(part) for part in parts.path[1:].split(":")]
    assert label == [issuer.replace(":", " "), username.replace(":", " ")]
    assert "+" not in parts.query
    assert parse_qs(parts.query) == {
        "secret": [RFC_SECRET.reveal()],
        "issuer": [issuer],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }


def test_the_picture_keeps_to_the_pages_policy_and_to_black_on_white():
    picture = qr_svg(provisioning_uri(RFC_SECRET, "Example & Sons", "ada"))
    root = ET.fromstring(picture)
    elements = list(root.iter())
    assert {element.tag for element in elements} <= {"svg", "path"}
    for element in elements:
        assert "style" not in element.attrib
        assert not any(name.startswith("on") or "href" in name for name in element.attrib)
    ground, squares = [element.attrib for element in elements[1:]]
    assert (ground["fill"], squares["stroke"]) == ("#fff", "#000")
    size = int(root.attrib["viewBox"].split()[2])
    assert ground["d"].startswith(f"M0 0h{size}v{size}")
    rows = [float(y) for y in re.findall(r"[Mm]-?[\d.]+ (-?[\d.]+)", squares["d"])]
    assert squares["d"].startswith("M4 4.5")
    assert 4 + sum(rows[1:]) <= size - 4
    assert RFC_SECRET.reveal() not in picture
    assert f"{picture:s}" == f"{picture.__html__()}"
