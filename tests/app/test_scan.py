import base64
import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tokenward.leaks.rulebook.templates import fill
from tokenward.tokens import opaque

PROGRAM = Path(sys.executable).with_name("tokenward")


def _token(number=0):
    return fill("{checksum:crc-of-body ghp_}", f"scan {number}").decode()


@pytest.fixture
def scan(tmp_path, scanner_cache):
    """Runs the command in a directory of its own, as a process of its own."""
    here = tmp_path / "here"
    here.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment = {**kept, "XDG_CACHE_HOME": str(scanner_cache), "HOME": str(tmp_path), "COLUMNS": "80"}

    def run(*arguments, stdin=""):
        return subprocess.run(
            [PROGRAM, "scan", *arguments],
            cwd=here,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    run.here = here
    run.environment = environment
    return run


def _git(scan, *arguments):
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.net", "-c", "init.defaultBranch=main")
    subprocess.run(
        ["git", *identity, *arguments], cwd=scan.here, env=scan.environment, check=True, capture_output=True
    )


def _answer(scan, *arguments):
    done = subprocess.run(
        ["git", *arguments], cwd=scan.here, env=scan.environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def _found(result):
    return [
        (place["path"], place["line"])
        for finding in json.loads(result.stdout)["findings"]
        for place in finding["locations"]
    ]


def test_a_tree_without_secrets_is_clean(scan):
    (scan.here / "main.py").write_text("print('hello')\n")
    result = scan()
    assert (result.returncode, result.stderr) == (0, "")
    assert "No findings" in result.stdout


def test_a_secret_is_found_with_its_place_and_never_shown(scan):
    token = _token()
    (scan.here / "settings.py").write_text(f"import os\n\nTOKEN = '{token}'\n")
    result = scan()
    assert result.returncode == 1
    assert "settings.py:3:10" in result.stdout
    assert token[8:] not in result.stdout
    for form in ("json", "sarif", "html", "markdown"):
        told = scan("--format", form)
        assert told.returncode == 1, form
        assert "settings.py" in told.stdout, form
        assert token[8:] not in told.stdout + told.stderr, form


def test_one_secret_in_many_files_is_one_finding(scan):
    for name in ("a.py", "b.py", "c.py"):
        (scan.here / name).write_text(f"TOKEN = '{_token()}'\n")
    (scan.here / "d.py").write_text(f"TOKEN = '{_token(1)}'\n")
    findings = json.loads(scan("--format", "json").stdout)["findings"]
    assert sorted(len(finding["locations"]) for finding in findings) == [1, 3]


def test_thousands_of_files_in_several_processes_give_the_same(scan):
    for number in range(1500):
        directory = scan.here / f"package{number % 40}"
        directory.mkdir(exist_ok=True)
        text = f"TOKEN = '{_token(number)}'\n" if number % 100 == 7 else "nothing here\n"
        (directory / f"module{number}.py").write_text(text)
    expected = {(f"package{number % 40}/module{number}.py", 1) for number in range(7, 1500, 100)}
    assert set(_found(scan("--format", "json"))) == expected


def test_what_git_ignores_is_left_out_unless_asked_for(scan):
    _git(scan, "init")
    (scan.here / ".gitignore").write_text("local.env\n")
    (scan.here / "local.env").write_text(f"TOKEN={_token()}\n")
    assert scan().returncode == 0
    assert scan("--no-ignore").returncode == 1


def test_the_history_tells_who_brought_it_in_and_that_it_is_gone(scan):
    _git(scan, "init")
    (scan.here / "a.py").write_text(f"\nTOKEN = '{_token()}'\n")
    _git(scan, "add", ".")
    _git(scan, "commit", "-m", "in")
    (scan.here / "a.py").write_text("TOKEN = None\n")
    _git(scan, "commit", "-am", "out")
    assert scan().returncode == 0
    result = scan("--history", "--format", "json")
    assert result.returncode == 1
    (finding,) = json.loads(result.stdout)["findings"]
    (place,) = finding["locations"]
    assert (place["path"], place["line"]) == ("a.py", 2)
    assert place["commit"]["author"] == "Ada <ada@example.net>"
    assert place["commit"]["in_head"] is False


def test_what_nothing_refers_to_any_more_is_found_if_asked_for(scan):
    _git(scan, "init", "-q")
    for text in ("x", _token()):
        (scan.here / "a.txt").write_text(text)
        _git(scan, "add", ".")
        _git(scan, "commit", "-q", "-m", "Words")
    _git(scan, "reset", "-q", "--hard", "HEAD~")
    _git(scan, "reflog", "expire", "--expire=now", "--all")
    assert scan("--history").returncode == 0
    assert scan("--history", "--unreachable").returncode == 1


def test_only_what_is_new_in_the_index_counts(scan):
    _git(scan, "init")
    (scan.here / "old.py").write_text(f"TOKEN = '{_token()}'\n")
    _git(scan, "add", ".")
    _git(scan, "commit", "-m", "in")
    (scan.here / "old.py").write_text(f"TOKEN = '{_token()}'\nother = 1\n")
    (scan.here / "unstaged.py").write_text(f"TOKEN = '{_token(1)}'\n")
    _git(scan, "add", "old.py")
    assert scan("--staged").returncode == 0
    (scan.here / "new.py").write_text(f"TOKEN = '{_token(2)}'\n")
    _git(scan, "add", "new.py")
    assert _found(scan("--staged", "--format", "json")) == [("new.py", 1)]


def test_a_range_of_commits_and_what_a_push_sends(scan):
    _git(scan, "init")
    for number in range(3):
        (scan.here / f"{number}.py").write_text(f"TOKEN = '{_token(number)}'\n")
        _git(scan, "add", ".")
        _git(scan, "commit", "-m", str(number))
    assert _found(scan("--range", "HEAD~1..HEAD", "--format", "json")) == [("2.py", 1)]
    ids = [_answer(scan, "rev-parse", name) for name in ("HEAD", "HEAD~2")]
    line = f"refs/heads/main {ids[0]} refs/heads/main {ids[1]}\n"
    pushed = scan("--pre-push", "origin", "--format", "json", stdin=line)
    assert sorted(_found(pushed)) == [("1.py", 1), ("2.py", 1)]
    assert len(_found(scan("--since", "2001-01-01", "--format", "json"))) == 3


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-32", "utf-16"])
def test_text_of_wide_characters_is_read_with_and_without_a_mark(scan, encoding):
    (scan.here / "a.txt").write_bytes(f"TOKEN={_token()}\n".encode(encoding))
    assert _found(scan("--format", "json")) == [("a.txt", 1)]


@pytest.mark.parametrize("lines", ["!\n", "a*b?[" * 2000])
def test_a_tokenwardignore_that_cannot_be_read_hides_nothing(scan, lines):
    (scan.here / ".tokenwardignore").write_text(lines)
    (scan.here / "a.py").write_text(f"T = '{_token()}'\n")
    result = scan("--format", "json")
    assert _found(result) == [("a.py", 1)]
    assert "Traceback" not in result.stderr


def test_a_token_in_the_place_of_a_user_is_the_secret_and_is_not_shown(scan):
    token = fill("{hex:40}", "a").decode()
    (scan.here / "a.sh").write_text(f"git clone https://{token}:x-oauth-basic@github.com/a/b\n")
    result = scan("--format", "json", "--confidence", "low")
    assert result.returncode == 1
    assert token not in result.stdout


def test_standard_input_as_a_text_and_as_a_diff(scan):
    assert _found(scan("-", "--format", "json", stdin=f"\n{_token()}\n")) == [("stdin", 2)]
    diff = f"--- a/x.py\n+++ b/x.py\n@@ -3,2 +3,2 @@\n-old {_token(1)}\n+new {_token(2)}\n same\n"
    assert _found(scan("--diff", "--format", "json", stdin=diff)) == [("x.py", 3)]
    assert scan("-", stdin="nothing").returncode == 0


def test_encodings_and_containers_are_undone(scan):
    inner = base64.b64encode(gzip.compress(f"TOKEN={_token()}".encode(), mtime=0))
    with zipfile.ZipFile(scan.here / "bundle.zip", "w") as archive:
        archive.writestr("deep/config.txt", b"\n\nblob = " + inner)
    result = scan("--format", "json")
    assert _found(result) == [("bundle.zip!deep/config.txt", 3)]
    (finding,) = json.loads(result.stdout)["findings"]
    assert finding["locations"][0]["decoded"] == ["base64", "gzip"]


def test_a_secret_that_is_seen_plain_and_decoded_is_one_place(scan):
    (scan.here / "a.json").write_text(json.dumps({"token": _token(), "text": 'a "quoted" word\n' * 3}))
    assert _found(scan("--format", "json")) == [("a.json", 1)]


def test_an_archive_larger_than_other_files_may_be_is_opened(scan):
    with tarfile.open(scan.here / "image.tar", "w") as archive:
        for name, data in (("large.bin", bytes(70_000_000)), (".env", f"TOKEN={_token()}".encode())):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    assert _found(scan("--format", "json")) == [("image.tar!.env", 1)]


def test_a_secret_between_encoded_quotes_is_told_as_plain(scan):
    text = f"<p>one</p>\n<div data='{{&quot;token&quot;:&quot;{_token()}&quot;}}'>\n"
    (scan.here / "a.html").write_text(text)
    (finding,) = json.loads(scan("--format", "json").stdout)["findings"]
    (place,) = finding["locations"]
    assert (place["line"], place["column"], place["decoded"]) == (2, 37, [])


def test_a_comment_beside_the_encoded_form_counts(scan):
    encoded = base64.b64encode(f"TOKEN={_token()}".encode()).decode()
    (scan.here / "a.py").write_text(f"X = '{encoded}'  # tokenward:allow reason=dead\n")
    result = scan("--format", "json")
    assert (result.returncode, json.loads(result.stdout)["summary"]["accepted"]) == (0, 1)


def test_a_comment_with_a_reason_lets_it_pass_one_without_does_not(scan):
    (scan.here / "a.py").write_text(f"TOKEN = '{_token()}'  # tokenward:allow reason=revoked in May\n")
    result = scan("--format", "json")
    assert result.returncode == 0
    assert json.loads(result.stdout)["summary"]["accepted"] == 1
    (scan.here / "a.py").write_text(f"TOKEN = '{_token()}'  # tokenward:allow\n")
    assert scan().returncode == 1


def test_a_baseline_accepts_what_is_there_and_nothing_new(scan):
    (scan.here / "a.py").write_text(f"TOKEN = '{_token()}'\n")
    assert scan("--baseline", "base.json", "--update-baseline").returncode == 2
    made = scan("--baseline", "base.json", "--update-baseline", "--reason", "dead since May")
    assert (made.returncode, made.stdout) == (0, "")
    assert _token() not in (scan.here / "base.json").read_text()
    assert scan("--baseline", "base.json").returncode == 0
    (scan.here / "a.py").write_text(f"\n\nTOKEN = '{_token()}'\n")  # lines move
    assert scan("--baseline", "base.json").returncode == 0
    (scan.here / "b.py").write_text(f"TOKEN = '{_token()}'\n")
    assert _found(scan("--baseline", "base.json", "--format", "json")) == [("b.py", 1)]


def test_entries_that_accept_nothing_any_more_go_when_everything_was_looked_at(scan):
    for name in ("a.py", "b.py"):
        (scan.here / name).write_text(f"TOKEN = '{_token()}'\n")
    update = ("--baseline", "base.json", "--update-baseline", "--reason", "dead")
    assert scan(*update).returncode == 0
    (scan.here / "b.py").write_text("TOKEN = None\n")
    assert "b.py" in (scan.here / "base.json").read_text()
    assert scan("a.py", *update).returncode == 0
    assert "b.py" in (scan.here / "base.json").read_text(), "what was not looked at is not gone"
    assert "accepts nothing any more" in scan("--baseline", "base.json").stdout.replace("\n", " ")
    assert scan(*update).returncode == 0
    assert "b.py" not in (scan.here / "base.json").read_text()


def test_an_explanation_tells_what_was_decided(scan):
    (scan.here / "a.py").write_text(f"\nTOKEN = '{_token()}'\n")
    result = scan("--explain", "a.py:2")
    assert result.returncode == 0
    assert "github-personal-access-token" in result.stdout
    assert _token()[8:] not in result.stdout
    assert "Nothing here" in scan("--explain", "a.py:1").stdout


def test_rules_of_ones_own_count_once_they_prove_themselves(scan):
    rule = """
provider = "Example"
rotate = "https://example.net/tokens"
[[rule]]
id = "example-token"
what = "Example token"
pattern = '\\bexm_[0-9a-f]{20}\\b'
severity = "high"
confidence = "high"
examples = ["token = exm_{hex:20}"]
counterexamples = ["exm_{hex:19}"]
"""
    (scan.here / "own.toml").write_text(rule)
    (scan.here / "a.txt").write_text(fill("token exm_{hex:20}\n", "a").decode())
    assert _found(scan("--rules", "own.toml", "--format", "json")) == [("a.txt", 1)]
    (scan.here / "own.toml").write_text(rule.replace("{hex:19}", "{hex:20}"))
    result = scan("--rules", "own.toml")
    assert result.returncode == 2
    assert "example-token" in result.stderr
    # RE2 takes this one; if Hyperscan does not, it says whose it is.
    (scan.here / "own.toml").write_text(rule.replace(r"\bexm", r"(?U)\bexm"))
    result = scan("--rules", "own.toml")
    if result.returncode == 2:
        assert result.stderr.startswith("own.toml: example-token: the pattern ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "nowhere"),
        (("--history", "elsewhere"), "elsewhere"),
        (("--branch", "main"), "--history"),
        (("--unreachable",), "--history"),
        (("--staged", "--history"), "one source"),
        (("--staged",), "git"),
        (("--explain", "a.py"), "FILE:LINE"),
        (("--baseline", "none.json"), "none.json"),
        (("--rules", "none.toml"), "none.toml"),
        (("--output", "no/such/directory/report"), "no/such/directory"),
    ],
)
def test_what_cannot_be_scanned_is_said_in_a_line(scan, arguments, said):
    result = scan(*arguments)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_what_cannot_be_read_is_no_clean_result(scan):
    (scan.here / "a.py").write_text("x")
    (scan.here / "a.py").chmod(0)
    result = scan()
    assert result.returncode == 2
    assert "a.py" in result.stdout


def _zip(name, content, *, encrypted=False):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr(name, content)
    data = bytearray(whole.getvalue())
    if encrypted:  # bit 0 of the flags, in the member's own header and in the directory
        data[6] |= 1
        data[data.index(b"PK\1\2") + 8] |= 1
    return bytes(data)


def _nested(depth):
    data = _zip("a.txt", "nothing")
    for _ in range(depth):
        data = _zip("a.zip", data)
    return data


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"7z\xbc\xaf\x27\x1c" + bytes(64), "7z archives are not opened"),
        (b"Rar!\x1a\x07\x01\0" + bytes(64), "RAR archives are not opened"),
        (b"\x04\x22\x4d\x18" + bytes(64), "LZ4 files are not opened"),
        (_zip("a.txt", "words", encrypted=True), "encrypted"),
        (_nested(9), "nested deeper than 8 containers"),
        (gzip.compress(bytes(11 << 20), mtime=0), "more than 10,485,760 bytes when unpacked"),
        (gzip.compress(b"some words of a text", mtime=0)[:-9], "broken or cut off"),
    ],
)
def test_what_could_not_be_looked_at_is_no_clean_result_unless_somebody_leaves_it_out(scan, data, said):
    (scan.here / "a.bin").write_bytes(data)
    result = scan()
    assert result.returncode == 2
    assert said in " ".join(result.stdout.split())
    assert "No findings, 1 could not be looked at" in result.stdout
    run = json.loads(scan("--format", "sarif").stdout)["runs"][0]["invocations"][0]
    assert run["executionSuccessful"] is False
    (scan.here / ".tokenwardignore").write_text("a.bin\n")
    result = scan()
    assert result.returncode == 0
    assert "left out on its word" in result.stdout


def test_a_finding_counts_more_than_what_could_not_be_looked_at(scan):
    (scan.here / "a.bin").write_bytes(_zip("a.txt", "words", encrypted=True))
    (scan.here / "b.txt").write_text(_token())
    assert scan().returncode == 1


def test_a_secret_in_a_name_is_found_and_shown_nowhere(scan):
    token, other = _token(), _token(1)
    (scan.here / f"of {token}").mkdir()
    (scan.here / f"of {token}/a.zip").write_bytes(_zip(f"in/{other}.txt", "x", encrypted=True))
    # The whole part of the path is hidden, where it is encoded.
    encoded = base64.b64encode(f"a key: {token}".encode()).decode().replace("/", "_")
    (scan.here / encoded).write_text("x")
    (scan.here / "b.txt").write_text(f"{other} stands in both\n")
    for form in ("terminal", "json", "sarif", "html", "markdown"):
        result = scan("--format", form)
        assert result.returncode == 1
        for text in (token, other, encoded, encoded[12:30]):
            assert text not in result.stdout + result.stderr
    assert sorted(_found(scan("--format", "json"))) == [
        ("b.txt", 1),
        ("ghp_…", None),
        ("of ghp_…/a.zip", None),
        ("of ghp_…/a.zip!in/ghp_….txt", None),
        ("of ghp_…/a.zip!in/ghp_….txt", None),
    ]
    scan("--baseline", "base.json", "--update-baseline", "--reason", "made up")
    assert token not in (scan.here / "base.json").read_text()
    assert other not in (scan.here / "base.json").read_text()
    assert scan("--baseline", "base.json").returncode == 2  # but for the encrypted member, nothing is left


def test_a_secret_in_the_name_of_the_directory_that_is_scanned_is_not_shown(scan):
    place = scan.here / _token()
    place.mkdir()
    (place / "a.txt").write_text("x")
    result = scan(str(place))
    assert result.returncode == 1
    assert _token() not in result.stdout


def test_a_secret_in_the_name_of_an_author_a_branch_or_a_moved_file_is_found_and_not_shown(scan):
    (scan.here / "a.txt").write_text("x")
    _git(scan, "init", "-q")
    _git(scan, "add", ".")
    _git(scan, "-c", f"user.name=Ada {_token()}", "commit", "-q", "-m", "Words")
    _git(scan, "branch", f"of-{_token(1)}")
    result = scan("--history", "--format", "json")
    findings = json.loads(result.stdout)["findings"]
    assert {place["path"].partition(" ")[0] for one in findings for place in one["locations"]} == {
        "commit",
        "reflogs",
        "refs/heads/of-ghp_…",
    }
    assert (_token() in result.stdout, _token(1) in result.stdout) == (False, False)
    _git(scan, "mv", "a.txt", f"{_token(2)}.txt")
    assert _found(scan("--staged", "--format", "json")) == [("ghp_….txt", None)]
    _git(scan, "commit", "-q", "-m", "Move")
    shown = _answer(scan, "diff", "-M", "HEAD~", "HEAD")
    assert _found(scan("--diff", "--format", "json", stdin=shown)) == [("ghp_….txt", None)]


def test_a_file_that_is_encrypted_to_keys_is_told_and_stops_nobody(scan):
    (scan.here / "a.age").write_bytes(b"age-encryption.org/v1\n-> X25519 " + bytes(40))
    result = scan()
    assert (result.returncode, "files encrypted by age are not opened" in result.stdout) == (0, True)


def test_a_pipe_is_named_and_not_waited_for(scan):
    os.mkfifo(scan.here / "pipe")
    assert "pipe" in scan().stdout


def test_a_token_of_ours_is_found_and_named_by_the_fingerprint_that_a_report_carries(scan):
    token = opaque.new("at").secret.reveal()
    (scan.here / "a.py").write_text(f"TOKEN = '{token}'\n")
    result = scan("--format", "json")
    (finding,) = json.loads(result.stdout)["findings"]
    assert finding["fingerprint"] == f"sha256:{opaque.fingerprint(token).hex()}"
    assert token[-43:] not in result.stdout
