"""`tokenward run`: real commands in real processes, which get a token, and from which it does not get out."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from workstation_home import TOKENWARD


@pytest.fixture(autouse=True)
def _signals_count():
    """Processes inherit what is ignored from whoever ran the tests: by `nohup`, say, or behind `&`."""
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)}
    for number, handler in before.items():
        if handler is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def program(home):
    """Runs a program in Python with a token."""

    def run(text, *options, **settings):
        return home.run("run", *options, "--", sys.executable, "-c", textwrap.dedent(text), **settings)

    return run


def test_the_command_has_a_token_and_what_it_prints_of_it_is_masked(program):
    done = program("""
        import os, sys
        token = os.environ["ACCESS_TOKEN"]
        print("length", len(token), token)
        print("error", token, file=sys.stderr)
    """)
    assert done.stdout == "length 8 [secret]\n"
    assert done.stderr == "error [secret]\n"
    assert done.returncode == 0


def test_it_is_masked_when_it_comes_in_pieces(program):
    done = program("""
        import os, sys, time
        for letter in os.environ["ACCESS_TOKEN"] + ".":
            os.write(1, letter.encode())
            time.sleep(0.002)
    """)
    assert done.stdout == "[secret]."


def test_stdin_arguments_and_exit_code_are_passed_on(program, home):
    done = program("import sys; print(sys.stdin.read().upper(), end=''); sys.exit(7)", input="a line\n")
    assert (done.stdout, done.returncode) == ("A LINE\n", 7)
    # What looks like an option of ours is the command's.
    assert home.run("run", "echo", "--profile", "x", "--help", "-n").stdout == "--profile x --help -n\n"


def test_output_and_errors_in_one_file_keep_their_order(program):
    done = program(
        "import os\nfor i in range(50): os.write(1 + i % 2, b'%d ' % i)", stderr=subprocess.STDOUT,
        stdout=subprocess.PIPE, capture_output=False,
    )  # fmt: skip
    assert done.stdout.split() == [str(number) for number in range(50)]


def test_bytes_that_are_no_text_come_through(home):
    noise = bytes(range(256)) * 1000
    done = home.run("run", "cat", input=noise, text=False)
    assert done.stdout == noise


def test_another_variable_holds_it_where_that_is_said(program, home):
    assert program("import os; print(len(os.environ['API']))", "--env", "API").stdout == "8\n"
    assert home.run("run", "--env", "A-B", "true").returncode == 2


def test_what_the_token_was_obtained_by_does_not_reach_the_command(program, fake):
    done = program("import os; print(sorted(set(os.environ) & {'REPORTS', 'ACCESS_TOKEN'}))")
    assert done.stdout == "['ACCESS_TOKEN']\n"
    assert fake.issued == 1


LOOK = """
    import os
    from pathlib import Path
    token = os.environ["ACCESS_TOKEN"].encode()
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            for file in ("cmdline", "environ"):
                try:
                    if token in (process / file).read_bytes():
                        print("there it is:", file, process)
                except OSError:
                    pass
    print("looked", token in Path("/proc/self/cmdline").read_bytes())
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc")
def test_no_list_of_processes_shows_it_and_no_other_environment_has_it(program, fake):
    fake.scripts = [(200, fake.token(access_token="a-token-like-no-other-3f9c", expires_in=3600))]
    assert program(LOOK).stdout == "looked False\n"


def test_nothing_of_it_is_left_in_any_file(home, fake):
    fake.scripts = [(200, fake.token(access_token="a-token-like-no-other-3f9c", expires_in=3600))]
    assert home.run("run", "true").returncode == 0
    files = [path for path in home.path.rglob("*") if path.is_file()]
    assert files
    assert not any(b"no-other-3f9c" in path.read_bytes() for path in files)


NEXT = """
    import os, stat, subprocess, time
    socket = os.environ["TOKENWARD_SOCKET"]
    def ask(*options, path="/token"):
        return subprocess.run(["curl", "-s", *options, "--unix-socket", socket, "http://localhost" + path],
                              capture_output=True, text=True, check=True).stdout.strip()
    first = ask()
    assert first == os.environ["ACCESS_TOKEN"], first
    deadline = time.monotonic() + 30
    while (token := ask()) == first:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    print("a new one", len(token), token)
    print("as json", sorted(__import__("json").loads(ask("-H", "Accept: application/json"))))
    print("elsewhere", ask("-o", "/dev/null", "-w", "%{http_code}", path="/"))
    places = (os.path.dirname(socket), socket)
    print("modes", *(oct(stat.S_IMODE(os.stat(place).st_mode)) for place in places))
    print(socket)
"""


def test_a_command_that_runs_long_gets_the_next_token_from_a_socket_and_it_is_masked_too(program, fake):
    fake.lifetime = 2
    done = program(NEXT)
    assert done.returncode == 0, done.stderr
    new, as_json, elsewhere, modes, socket = done.stdout.splitlines()
    assert new == "a new one 8 [secret]"
    assert as_json == "as json ['access_token', 'expires_at', 'scope', 'token_type']"
    assert elsewhere == "elsewhere 404"
    assert modes == "modes 0o700 0o600"
    assert not Path(socket).parent.exists()


def test_where_there_is_no_next_token_the_socket_says_why(program, fake):
    fake.lifetime = 1
    fake.scripts = [None, *[(400, {"error": "invalid_client"})] * 20]
    done = program("""
        import os, subprocess, time
        time.sleep(1.1)
        subprocess.run(["curl", "-si", "--unix-socket", os.environ["TOKENWARD_SOCKET"], "http://localhost/token"])
    """)
    assert done.stdout.startswith("HTTP/1.0 503 ")
    assert "reports: " in done.stdout


class Running:
    """A run that has written a line, and is signalled then."""

    def __init__(self, home, text):
        command = [TOKENWARD, "run", "--", sys.executable, "-uc", textwrap.dedent(text)]
        self.process = subprocess.Popen(
            command, env=home.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        self.child = int(self.process.stdout.readline())

    def end(self):
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_is_the_commands_and_its_end_is_ours(home, number):
    running = Running(
        home,
        f"""
        import os, signal, sys, time
        def stop(*_):
            print("stopped in peace")
            sys.exit(3)
        signal.signal({int(number)}, stop)
        print(os.getpid())
        for _ in range(600):  # one long sleep would not end for what comes just before it begins
            time.sleep(0.1)
        """,
    )
    running.process.send_signal(number)
    assert running.end() == (3, "stopped in peace\n", "")


EARLY = """
    import os, signal, subprocess, sys
    from tokenward.app.workstation import child
    from tokenward.app.workstation.masking import Secrets

    class AtOnce(subprocess.Popen):
        def __init__(self, *arguments, **settings):
            os.kill(os.getpid(), signal.{number})
            super().__init__(*arguments, **settings)
            os.kill(os.getpid(), signal.{number})

    child.subprocess.Popen = AtOnce
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    print("code", child.run(command, dict(os.environ), Secrets()))
"""


@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP"])
def test_a_signal_that_comes_while_the_command_is_started_is_its_own_too(number):
    text = textwrap.dedent(EARLY).format(number=number)
    command = [sys.executable, "-c", text]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    expected = 128 + getattr(signal, number)
    assert (done.stdout, done.stderr, done.returncode) == (f"code {expected}\n", "", 0)


def test_what_is_ignored_stays_ignored(program):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    done = program("""
        import os, signal
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        os.kill(os.getppid(), signal.SIGHUP)
        print("went on")
    """)
    assert (done.stdout, done.returncode) == ("went on\n", 0)


def test_who_dies_by_a_signal_is_told_as_shells_tell_it(home):
    running = Running(home, "import os, time; print(os.getpid()); time.sleep(60)")
    os.kill(running.child, signal.SIGKILL)
    assert running.end() == (137, "", "")


def test_what_the_command_leaves_running_does_not_hold_us(home):
    begun = time.monotonic()
    done = home.run("run", "sh", "-c", "sleep 20 & echo started")
    assert done.stdout == "started\n"
    assert time.monotonic() - begun < 15


def test_a_command_whose_output_nobody_reads_any_more_ends(home):
    with subprocess.Popen(
        [TOKENWARD, "run", "yes"], env=home.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout.readline() == b"y\n"
        running.stdout.close()
        assert running.wait(30) == 128 + signal.SIGPIPE
        assert running.stderr.read() == b""


def test_what_is_no_command_is_told_as_shells_do(home, tmp_path):
    missing = home.run("run", "no-such-command-here")
    assert (missing.returncode, missing.stderr) == (127, "there is no command no-such-command-here\n")
    (tmp_path / "data").write_text("x")
    assert home.run("run", str(tmp_path / "data")).returncode == 126


def test_without_a_token_nothing_runs(home, fake, tmp_path):
    fake.scripts = [(400, {"error": "invalid_scope"})]
    done = home.run("run", "touch", str(tmp_path / "ran"))
    assert done.returncode == 1
    home.write(me={"issuer": fake.issuer, "client_id": "a", "client_secret": "env:REPORTS", "dpop": True})
    bound = home.run("run", "touch", str(tmp_path / "ran"))
    assert bound.returncode == 2
    assert "`tokenward curl` can" in bound.stderr
    assert not (tmp_path / "ran").exists()


def test_on_a_terminal_the_command_has_one_of_its_own(home):
    text = """
        import os, sys
        print([os.isatty(n) for n in range(3)], tuple(os.get_terminal_size()))
        print(os.environ["ACCESS_TOKEN"], input("What? "))
        print(open("/dev/tty").isatty())
    """
    shown, code = home.on_a_terminal(
        "run",
        "--",
        sys.executable,
        "-c",
        textwrap.dedent(text),
        typed=b"typed\r",
        when=b"What? ",
        size=(33, 99),
    )
    assert code == 0
    assert "[True, True, True] (99, 33)" in shown
    assert "[secret] typed" in shown
    assert "access-" not in shown


def test_ctrl_c_on_a_terminal_reaches_the_command(home):
    text = """
        import time
        try:
            print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print("interrupted")
            raise SystemExit(5)
    """
    shown, code = home.on_a_terminal(
        "run", "--", sys.executable, "-c", textwrap.dedent(text), typed=b"\x03", when=b"ready"
    )
    assert (code, "interrupted" in shown) == (5, True)


def test_more_is_typed_than_the_command_reads_at_once(home):
    line = "x" * 1000 + "\r"
    shown, code = home.on_a_terminal(
        "run", "--", "sh", "-c", "stty -echo; echo ready; sleep 0.3; head -n 20 | wc -c",
        typed=(line * 20).encode(), when=b"ready",
    )  # fmt: skip
    assert (code, "20020" in shown) == (0, True)


def test_output_that_does_not_fit_is_no_success(home):
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" run -- echo words >/dev/full', TOKENWARD], env=home.environment,
        stderr=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "what echo wrote could not be passed on: No space left on device\n"


@pytest.mark.parametrize("name", ["XDG_RUNTIME_DIR", "TMPDIR"])
@pytest.mark.parametrize("kind", ["gone", "long"])
def test_the_socket_has_a_place_where_its_usual_one_is_not_there_or_too_long(program, tmp_path, name, kind):
    place = tmp_path / ("x" * 100 if kind == "long" else "gone")
    if kind == "long":
        place.mkdir()
    done = program("import os; print(os.path.exists(os.environ['TOKENWARD_SOCKET']))", env={name: str(place)})
    assert (done.stdout, done.returncode) == ("True\n", 0)
