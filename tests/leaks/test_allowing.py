import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.leaks.allowing import MOST_REASON, REACH, Allowance, allowed
from tokenward.leaks.text import Text

SECRET = "s3cr3t-s3cr3t-s3cr3t"


def asked(source: str | bytes, secret: str = SECRET) -> Allowance | None:
    data = source if isinstance(source, bytes) else source.encode()
    start = data.index(secret.encode())
    return allowed(Text(data, "a.txt"), start, start + len(secret.encode()))


@pytest.mark.parametrize(
    "source",
    [
        f'key = "{SECRET}"  # tokenward:allow reason=made up',
        f'key = "{SECRET}"; // tokenward:allow reason=made up\r\nmore',
        f'/* tokenward:allow reason=made up */ key = "{SECRET}"',
        f"<!-- tokenward:allow reason=made up -->\n<key>{SECRET}</key>",
        f"{{# tokenward:allow reason=made up #}}{SECRET}",
        f'# tokenward:allow reason="made up"\nkey = {SECRET}',
        f"   -- tokenward:allow   reason=made up\r\nkey = {SECRET}",
        f"REM tokenward:allow reason=made up\r\nset KEY={SECRET}",
        f'{{\n  "//": "tokenward:allow reason=made up",\n  "key": "{SECRET}"\n}}',
        f"first\n; tokenward:allow reason='made up' and more\nkey={SECRET}\nlast",
        f"key: {SECRET} % tokenward:allow reason=made up\n% tokenward:allow reason=below",
        f"x = \"it's\" + '{SECRET}'  # noqa: S105 tokenward:allow reason=made up",
        f"say 'don\\'t' {SECRET} // tokenward:allow reason=made up",
        f"it isn't {SECRET} # tokenward:allow reason=made up",
        f'Key = "{SECRET}" \' tokenward:allow reason=made up',
        f"' tokenward:allow reason='made up'\nKey = \"{SECRET}\"",
    ],
)
def test_a_comment_with_a_reason_lets_the_secret_beside_it_pass(source):
    allowance = asked(source)
    assert allowance == Allowance("made up")
    assert allowance.counts


@pytest.mark.parametrize(
    "source",
    [
        f"key = {SECRET}",
        f"key = {SECRET}\n# tokenward:allow reason=below",
        f"# tokenward:allow reason=two lines above\n\nkey = {SECRET}",
        # It belongs to the secret of its own line.
        f"other = 'another secret'  # tokenward:allow reason=of that line\nkey = {SECRET}",
        f"钥='鑰' # tokenward:allow reason=of that line\nkey = {SECRET}",
        f'{{"note": "tokenward:allow reason=x",\n"key": "{SECRET}"}}',
        # In a literal it is no comment, whatever else stands there.
        f'key = "{SECRET} tokenward:allow reason=x"',
        f'key = "{SECRET} # tokenward:allow reason=x"',
        f"key = '{SECRET}' + ' // tokenward:allow reason=x'",
        f'say "\\" # tokenward:allow reason=x", "{SECRET}"',
        f"key = {SECRET} tokenward:allow reason=x",
        f"[\n'tokenward:allow reason=x',\n'{SECRET}']",
        f"# not-tokenward:allow reason=x\nkey = {SECRET}",
        f"key = {SECRET} # not-tokenward:allow reason=x",
        f"key = {SECRET} # tokenward:allowed reason=x",
        f"key = {SECRET} # tokenward:allow-all reason=x",
        f"key = {SECRET} # gitleaks:allow",
        f"key = {SECRET} # pragma: allowlist secret",
    ],
)
def test_anything_else_does_not(source):
    assert asked(source) is None


def test_what_begins_a_comment_in_other_places_does_not_in_the_secret():
    secret = "s3cr3t#//--s3cr3t"
    assert asked(f"key = {secret} tokenward:allow reason=x", secret) is None
    assert asked(f"key = {secret} # tokenward:allow reason=x", secret) == Allowance("x")


@pytest.mark.parametrize(
    "comment",
    [
        "tokenward:allow",
        "tokenward:allow reason=",
        "tokenward:allow reason= ",
        "tokenward:allow reason=…",
        "tokenward:allow reason=*/",
        'tokenward:allow reason=""',
        "tokenward:allow because it is fine",
        "tokenward:allow\treason=--> behind the comment",
    ],
)
def test_without_a_reason_it_is_seen_but_does_not_count(comment):
    for source in (f"key = {SECRET} # {comment}", f"/* {comment}\nkey = {SECRET}"):
        allowance = asked(source)
        assert allowance == Allowance("")
        assert not allowance.counts


def test_of_two_comments_the_one_with_a_reason_counts():
    assert asked(f"# tokenward:allow reason=made up\nkey = {SECRET} # tokenward:allow") == Allowance(
        "made up"
    )
    assert asked(f"# tokenward:allow\nkey = {SECRET} # tokenward:allow reason=made up") == Allowance(
        "made up"
    )


def test_what_the_secret_holds_is_no_comment():
    secret = "password tokenward:allow reason=hidden"
    assert asked(f"key = '{secret}'", secret) is None


def test_on_a_line_of_any_length_the_comment_must_be_near():
    def line(gap):
        return f"/* tokenward:allow reason=made up */{' ' * gap}{SECRET}{' ' * 2000}"

    assert asked(line(0)) == Allowance("made up")
    assert asked(line(REACH - 36)) == Allowance("made up")
    assert asked(line(REACH)) is None
    assert asked(SECRET + " " * (REACH - 32) + "# tokenward:allow reason=made up") == Allowance("made up")
    assert asked(SECRET + " " * REACH + "# tokenward:allow reason=made up") is None


def test_a_long_line_above_is_no_comment():
    assert asked(f"# tokenward:allow reason={'x' * 300}\n{SECRET}").counts
    assert asked(f"# tokenward:allow reason={'x' * 3000}\n{SECRET}") is None


def test_a_reason_is_kept_in_bounds_and_need_not_be_utf_8():
    assert asked(f"{SECRET} # tokenward:allow reason={'xy ' * 100}") == Allowance("xy " * 66 + "xy")
    assert asked(SECRET.encode() + b" # tokenward:allow reason=\xff bad") == Allowance("\ufffd bad")


def test_a_secret_within_a_reason_neither_passes_nor_is_shown():
    other = "ghp_" + "0aB" * 12
    assert asked(f"T = '{other}' # tokenward:allow reason=replaces {SECRET}") is None
    assert asked(f"{SECRET} # tokenward:allow reason=replaces {other}") == Allowance("replaces …")
    assert asked(f"/* tokenward:allow reason=dead */ T = {SECRET}").counts


@given(st.binary(max_size=900), st.integers(0, 900), st.integers(0, 40))
def test_any_bytes_are_answered(data, start, length):
    mixed = data.replace(b"\x01", b"\n").replace(b"\x02", b"tokenward:allow reason=x")
    start = min(start, len(mixed))
    end = min(start + length, len(mixed))
    allowance = allowed(Text(mixed, "a"), start, end)
    assert allowance is None or len(allowance.reason) <= MOST_REASON
