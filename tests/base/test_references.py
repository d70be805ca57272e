import os
import shlex
import sys
import time

import keyring
import keyring.backend
import keyring.errors
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.base import references
from tokenward.base.entropy import identifier
from tokenward.base.references import MAX_BYTES, parse, resolve
from tokenward.base.secret import Secret

VALUE = identifier()


def write(path, content, mode=0o600):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def python(program):
    return f"cmd:{shlex.quote(sys.executable)} -c {shlex.quote(program)}"


@pytest.mark.parametrize("inline", ["{}", "", ":", "ENV:X", "env", " env:X", "https://a:{}@b", "vault:{}"])
def test_an_inline_secret_is_refused_with_advice_and_without_repeating_it(inline, tmp_path):
    with pytest.raises(ValueError, match=r"inline is refused.*env:NAME, file:PATH, cmd:") as caught:
        resolve(inline.format(VALUE), base_dir=tmp_path)
    assert VALUE not in str(caught.value)


@pytest.mark.parametrize("empty", ["env:", "file:", "cmd:  ", "keyring:", "file:a\0b"])
def test_a_reference_to_nowhere_is_refused(empty):
    with pytest.raises(ValueError, match="must be followed by"):
        parse(empty)


@given(st.text(), st.sampled_from(["", "env:", "file:", "keyring:"]))
def test_parsing_knows_two_outcomes(text, scheme):
    try:
        parsed = parse(scheme + text)
    except ValueError:
        return
    assert f"{parsed.scheme}:{parsed.place}" == scheme + text


def test_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("TOKENWARD_TEST", VALUE + "\n")
    found = resolve("env:TOKENWARD_TEST", base_dir=tmp_path)
    assert isinstance(found, Secret)
    assert found.reveal() == VALUE


@pytest.mark.parametrize("name", ["TOKENWARD_NOT_THERE", "A=B", "A B", "é"])
def test_environment_that_is_not_there(name, tmp_path):
    with pytest.raises(ValueError, match="environment variable"):
        resolve(f"env:{name}", base_dir=tmp_path)


def test_an_empty_secret_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("TOKENWARD_TEST", "")
    with pytest.raises(ValueError, match="empty"):
        resolve("env:TOKENWARD_TEST", base_dir=tmp_path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a "), ("é\nb\n", "é\nb")],
)
def test_file_without_its_one_trailing_newline(tmp_path, content, expected):
    path = write(tmp_path / "secret", content)
    assert resolve("file:secret", base_dir=tmp_path).reveal() == expected
    assert resolve(f"file:{path}", base_dir=tmp_path / "elsewhere").reveal() == expected


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o610, 0o601])
def test_file_open_to_others_is_refused(tmp_path, mode):
    write(tmp_path / "secret", VALUE, mode)
    with pytest.raises(ValueError, match="chmod 600") as caught:
        resolve("file:secret", base_dir=tmp_path)
    assert VALUE not in str(caught.value)


def test_a_link_is_as_open_as_what_it_points_to(tmp_path):
    write(tmp_path / "open", VALUE, 0o644)
    (tmp_path / "secret").symlink_to(tmp_path / "open")
    with pytest.raises(ValueError, match="chmod 600"):
        resolve("file:secret", base_dir=tmp_path)


def test_what_is_no_readable_text_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    write(tmp_path / "binary", b"\xff" + VALUE.encode())
    write(tmp_path / "huge", "x" * (MAX_BYTES + 1))
    for place in ("missing", ".", "pipe", "binary", "huge", "a" * 5000, "huge/x"):
        with pytest.raises(ValueError, match=r"file|cannot be read") as caught:
            resolve(f"file:{place}", base_dir=tmp_path)
        assert VALUE not in repr((caught.value, caught.value.__context__))


def test_command(tmp_path):
    assert resolve(python(f"print('{VALUE}')"), base_dir=tmp_path).reveal() == VALUE


def test_command_runs_in_the_base_directory(tmp_path):
    found = resolve(python("import os; print(os.getcwd())"), base_dir=tmp_path).reveal()
    assert found == str(tmp_path.resolve())


def test_command_goes_through_no_shell(tmp_path):
    found = resolve(python("import sys; print(sys.argv[1:])") + " '$HOME' ; touch x", base_dir=tmp_path)
    assert found.reveal() == str(["$HOME", ";", "touch", "x"])
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "reference",
    [
        "cmd:/no/such/program",
        "cmd:'unclosed",
        "cmd:''",
        python(f"print('{VALUE}'); raise SystemExit(3)"),
        python(f"import sys; print('{VALUE}', file=sys.stderr); raise SystemExit(1)"),
        python("pass"),
        python(f"import sys; sys.stdout.buffer.write(b'\\xff{VALUE}')"),
    ],
    ids=["no program", "unclosed quote", "no name", "status", "complaint", "empty", "not UTF-8"],
)
def test_command_that_fails_is_refused_without_its_output(reference, tmp_path, capfd):
    with pytest.raises(ValueError, match=r"command|cmd:") as caught:
        resolve(reference, base_dir=tmp_path)
    assert VALUE not in str(caught.value)
    assert VALUE not in "".join(capfd.readouterr())


def test_command_that_writes_without_end_is_stopped_at_the_limit(tmp_path):
    with pytest.raises(ValueError, match="64000 bytes"):
        resolve(python("while True: print('x' * 1000)"), base_dir=tmp_path)


@pytest.mark.parametrize(
    "program",
    [
        "import time; time.sleep(30)",
        "import os, time; os.close(1); time.sleep(30)",
        # A child keeps the output open after the command itself has ended.
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(2)'])",
    ],
)
def test_command_that_does_not_finish_is_ended(tmp_path, monkeypatch, program):
    monkeypatch.setattr(references, "COMMAND_SECONDS", 0.5)
    start = time.monotonic()
    with pytest.raises(ValueError, match="did not finish"):
        resolve(python(program), base_dir=tmp_path)
    assert time.monotonic() - start < 1.9


class MemoryKeyring(keyring.backend.KeyringBackend):
    priority = 1

    def __init__(self, error=None):
        self.error = error

    def get_password(self, service, username):
        if self.error:
            raise self.error
        return {("tokenward/prod", "pepper"): VALUE, ("tokenward", "odd"): f"\ud800{VALUE}"}.get(
            (service, username)
        )

    def set_password(self, service, username, password):
        raise NotImplementedError


@pytest.fixture
def ring():
    before = keyring.get_keyring()
    keyring.set_keyring(MemoryKeyring())
    yield
    keyring.set_keyring(before)


def test_keyring(ring, tmp_path):
    assert resolve("keyring:tokenward/prod/pepper", base_dir=tmp_path).reveal() == VALUE


@pytest.mark.parametrize("place", ["tokenward", "/x", "x/", "tokenward/missing", "tokenward/odd"])
def test_keyring_without_the_entry(ring, tmp_path, place):
    with pytest.raises(ValueError, match="keyring") as caught:
        resolve(f"keyring:{place}", base_dir=tmp_path)
    assert VALUE not in repr((caught.value, caught.value.__context__))


@pytest.mark.parametrize("error", [keyring.errors.NoKeyringError(VALUE), OSError(VALUE), LookupError(VALUE)])
def test_keyring_that_fails(ring, tmp_path, error):
    keyring.set_keyring(MemoryKeyring(error))
    with pytest.raises(ValueError, match="cannot be read") as caught:
        resolve("keyring:a/b", base_dir=tmp_path)
    assert VALUE not in str(caught.value)
