"""`tokenward curl`: real calls by the system's curl, to an API that answers as it is told."""

import json
import os
import shutil
import sys
import textwrap
from pathlib import Path

import pytest

from client.fake_server import fake_server

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def test_the_api_sees_the_token_and_the_answer_is_printed(home, fake):
    done = home.run("curl", "-s", f"{fake.api}/api/forecast", "-i")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("HTTP/1.1 200 OK\n")
    assert fake.calls == [("Bearer access-1", None)]
    assert "access-1" not in done.stdout + done.stderr


def test_what_curl_tells_of_the_call_is_masked(home, fake):
    done = home.run("curl", "-v", f"{fake.api}/api")
    assert "> authorization: Bearer [secret]" in done.stderr
    assert "access-1" not in done.stderr


# Stands in the place of curl, and says where the token is.
SPY = """
    #!{python}
    import os, subprocess, sys
    from pathlib import Path
    if "--help" in sys.argv or "--version" in sys.argv:
        os.execv({curl!r}, ["curl", *sys.argv[1:]])
    token = b"a-token-like-no-other-3f9c"
    seen = [*Path("/proc").glob("[0-9]*/cmdline"), *Path("/proc").glob("[0-9]*/environ")]
    for file in seen:
        try:
            assert token not in file.read_bytes(), file
        except OSError:
            pass
    where = sys.argv[sys.argv.index("--config") + 1]
    print(len(seen) > 2, sys.argv[1], Path(where).read_bytes().count(token))
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc")
def test_the_token_is_in_no_argument_and_no_environment_but_in_a_pipe(home, fake, tmp_path):
    fake.scripts = [(200, fake.token(access_token="a-token-like-no-other-3f9c", expires_in=3600))]
    (tmp_path / "bin").mkdir()
    spy = tmp_path / "bin" / "curl"
    spy.write_text(textwrap.dedent(SPY).lstrip().format(python=sys.executable, curl=shutil.which("curl")))
    spy.chmod(0o755)
    path = f"{spy.parent}{os.pathsep}{home.environment['PATH']}"
    done = home.run("curl", f"{fake.api}/api", env={"PATH": path})
    assert (done.stdout, done.stderr) == ("True --disable 1\n", "")


def test_a_refused_token_is_replaced_and_the_call_sent_once_more(home, fake):
    fake.refusals = [(401, {"www-authenticate": "Bearer"})]
    done = home.run("curl", "-s", f"{fake.api}/api", "-d", "a=b", "-o", "/dev/null", "-w", "%{http_code}")
    assert done.stdout == "200"
    assert [token for token, _ in fake.calls] == ["Bearer access-1", "Bearer access-2"]
    fake.calls.clear()
    fake.refusals = [(401, {}), (401, {})]
    again = home.run("curl", "-s", f"{fake.api}/api", "-w", "%{http_code}")
    assert again.stdout.endswith("401")
    assert len(fake.calls) == 2


def test_what_came_from_standard_input_is_not_sent_twice(home, fake):
    fake.refusals = [(401, {})]
    done = home.run("curl", "-s", f"{fake.api}/api", "-d", "@-", "-w", "%{http_code}", input="a=b")
    assert done.stdout.endswith("401")
    assert len(fake.calls) == 1


def test_a_bound_token_goes_with_a_proof_and_the_nonce_that_the_api_asks_for(home, fake):
    fake.token_type = "DPoP"
    profile = home.profiles["reports"] | {"dpop": True}
    home.write(reports=profile)
    fake.refusals = [(401, {"www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": "n-1"})]
    done = home.run("curl", "-s", f"{fake.api}/api", "-o", "/dev/null", "-w", "%{http_code}")
    assert done.stdout == "200", done.stderr
    (first, proof), (second, with_nonce) = fake.calls
    assert first == second == "DPoP access-1"
    assert proof
    assert with_nonce != proof


def test_the_token_goes_to_its_api_and_nowhere_else(home, fake):
    for url, code in (
        ("https://elsewhere.example.com/", 1),
        (f"{fake.api.replace('127.0.0.1', 'localhost')}/api", 1),
    ):
        done = home.run("curl", url)
        assert done.returncode == code
        assert "is not shown to" in done.stderr
    assert home.run("curl", f"{fake.api}/api", "https://elsewhere.example.com").returncode == 2
    assert fake.calls == []
    assert fake.issued == 0


def test_a_redirect_elsewhere_does_not_take_it_along(home, fake):
    with fake_server() as elsewhere:
        fake.refusals = [(302, {"location": f"{elsewhere.api}/api"})]
        done = home.run("curl", "-sL", f"{fake.api}/api", "-o", "/dev/null", "-w", "%{http_code}")
        assert done.stdout == "200"
        assert elsewhere.calls == [(None, None)]


def test_a_url_stands_for_itself_and_not_for_many(home, fake):
    assert home.run("curl", "-s", f"{fake.api}/api/{{a,b}}[1-9]").returncode == 0
    assert len(fake.calls) == 1


def test_a_token_that_would_say_something_to_curl_is_not_shown_to_it(home, fake):
    hostile = f'x"\nurl = "{fake.api}/api/other'
    fake.scripts = [(200, fake.token(access_token=hostile, expires_in=3600))]
    done = home.run("curl", "-s", f"{fake.api}/api")
    assert (done.returncode, fake.calls) == (2, [])
    assert "characters that no token has" in done.stderr


OLD = """
    #!/bin/sh
    if [ "$2" = --version ]; then echo "curl {version} (x86_64-pc-linux-gnu)"; else exec {curl} "$@"; fi
"""


@pytest.mark.parametrize(("version", "code"), [("7.82.0", 2), ("7.83.0", 0), ("8.1.0", 0)])
def test_a_curl_that_would_take_it_along_follows_no_redirect(home, fake, tmp_path, version, code):
    (tmp_path / "bin").mkdir()
    old = tmp_path / "bin" / "curl"
    old.write_text(textwrap.dedent(OLD).lstrip().format(version=version, curl=shutil.which("curl")))
    old.chmod(0o755)
    path = f"{old.parent}{os.pathsep}{home.environment['PATH']}"
    assert home.run("curl", "-s", "-L", f"{fake.api}/api", env={"PATH": path}).returncode == code
    assert home.run("curl", "-s", f"{fake.api}/api", env={"PATH": path}).returncode == 0


def test_no_proxy_reads_along_where_there_is_no_tls(home, fake):
    environment = {"http_proxy": "http://127.0.0.1:1", "all_proxy": "http://127.0.0.1:1"}
    done = home.run("curl", "-sf", "-x", "http://127.0.0.1:1", f"{fake.api}/api", env=environment)
    assert (done.returncode, len(fake.calls)) == (0, 1)


def test_a_file_of_curls_own_settings_is_not_read(home, fake, tmp_path):
    (tmp_path / ".curlrc").write_text(f'trace-ascii = "{tmp_path}/trace"\nurl = "{fake.api}/api/other"\n')
    assert home.run("curl", "-s", f"{fake.api}/api").returncode == 0
    assert len(fake.calls) == 1
    assert not (tmp_path / "trace").exists()


def test_the_profile_is_the_one_for_the_url(home, fake):
    one = home.profiles["reports"]
    home.write("other", other=one | {"audience": "https://other.example.com", "scope": ["x"]}, reports=one)
    assert home.run("curl", "-s", f"{fake.api}/api/forecast").returncode == 0
    assert fake.forms[0][0]["scope"] == "forecast:read"
    assert home.run("curl", "-s", "--profile", "other", f"{fake.api}/api").returncode == 1
    home.write(open={key: value for key, value in one.items() if key != "audience"})
    done = home.run("curl", "-s", f"{fake.api}/api")
    assert done.returncode == 2
    assert "for no API in particular" in done.stderr


def test_the_exit_code_is_curls(home, fake):
    fake.refusals = [(500, {})]
    assert home.run("curl", "-sf", f"{fake.api}/api").returncode == 22
    done = home.run("curl", "-s", "--no-such-option", f"{fake.api}/api")
    assert (done.returncode, done.stderr) == (2, "this curl has no option --no-such-option\n")
    assert home.run("curl", f"{fake.api}/api", env={"PATH": "/nowhere"}).returncode == 2


def test_on_a_terminal_there_is_the_answer_and_nothing_else(home, fake):
    shown, code = home.on_a_terminal("curl", f"{fake.api}/api")
    assert code == 0
    assert "% Total" not in shown
    assert json.loads(shown) is not None
