"""The file of profiles: what it may hold, who may write to it, and which profile is meant."""

import json
import os

import pytest
from typer.testing import CliRunner

from tokenward.app.cli import application
from tokenward.app.workstation.profiles import (
    Profile,
    ProfileError,
    Profiles,
    default_path,
    load,
    update,
)
from tokenward.app.workstation.signing_in import wanted_profile

ISSUER = "https://login.example.com"
BANK, NOTES = "https://api.example.com/bank", "https://api.example.com/notes"
PERSON = Profile(ISSUER, "tokenward-cli", BANK, ("openid", "offline_access", "accounts:read"))
PROGRAM = Profile(ISSUER, "reports", BANK, ("accounts:read",), client_secret="env:REPORTS")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tokenward" / "profiles.json"


@pytest.fixture
def write(path):
    def write(content, mode=0o600):
        path.parent.mkdir()
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        path.chmod(mode)
        return path

    return write


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch):
    for name in ("TOKENWARD_PROFILE", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":0")


def test_what_is_written_is_read_again_and_nobody_else_can(path):
    update(path, lambda all_: all_.with_profile("me", PERSON).with_profile("job", PROGRAM))
    assert load(path) == Profiles({"me": PERSON, "job": PROGRAM}, "job")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    update(path, lambda all_: all_.without("job"))
    assert load(path) == Profiles({"me": PERSON}, "me")


def test_there_is_nothing_where_there_is_no_file(path):
    assert load(path) == Profiles()


ENTRY = {"issuer": ISSUER, "client_id": "reports"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "profiles.json: "),
        ("[]", "profiles.json: "),
        ({"profiles": []}, "it holds `default` and `profiles`"),
        ({"profile": {}}, "it holds `default` and `profiles`"),
        ({"default": "a"}, "names no profile"),
        ({"default": 0}, "names no profile"),
        ({"profiles": {"a b": ENTRY}}, "an object under a name"),
        ({"profiles": {"a": 1}}, "an object under a name"),
        ({"profiles": {"a": ENTRY | {"password": "x"}}}, 'nothing is called "password"'),
        ({"profiles": {"a": ENTRY | {"scope": "one two"}}}, "scope is no list of texts"),
        ({"profiles": {"a": ENTRY | {"dpop": 1}}}, "dpop is no true or false"),
        ({"profiles": {"a": {"client_id": "a"}}}, "issuer and client_id are needed"),
        ({"profiles": {"a": ENTRY | {"workload": "jenkins"}}}, "workload must be one of"),
        (
            {"profiles": {"a": ENTRY | {"workload": "github", "client_secret": "env:A"}}},
            "one of client_secret, private_key, workload and device",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_makes_no_sense_is_refused_with_its_place(write, content, said):
    with pytest.raises(ProfileError, match=r"profiles\.json: ") as refused:
        load(write(content))
    assert said in str(refused.value)


@pytest.mark.parametrize("name", ["client_secret", "private_key"])
def test_a_secret_in_the_place_of_a_reference_is_refused_and_not_repeated(write, name):
    with pytest.raises(ProfileError, match="env:NAME, file:PATH") as refused:
        load(write({"profiles": {"a": ENTRY | {name: "hunter2-the-secret"}}}))
    assert f"in a, in {name}," in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_can_write_to_is_refused_because_it_names_commands_to_run(write, mode):
    with pytest.raises(ProfileError, match="chmod 600"):
        load(write({"profiles": {"a": ENTRY}}, mode))


def test_the_profile_that_is_meant(monkeypatch):
    other = Profile(ISSUER, "tokenward-cli", NOTES)
    both = Profiles({"me": PERSON, "notes": other, "job": PROGRAM}, "me")
    assert both.chosen() == ("me", PERSON)
    assert both.chosen("job") == ("job", PROGRAM)
    assert both.chosen(audience=BANK) == ("me", PERSON)
    assert both.chosen(audience=NOTES) == ("notes", other)
    assert both.chosen("job", audience=NOTES)[1].audience == NOTES
    with pytest.raises(
        ProfileError, match=r"nobody has signed in for .*/other: tokenward login https://login"
    ):
        both.chosen(audience="https://api.example.com/other")
    with pytest.raises(ProfileError, match="nobody has signed in for"):
        both.chosen("me", audience=NOTES)
    with pytest.raises(ProfileError, match="no profile is called x; there are me, notes, job"):
        both.chosen("x")
    monkeypatch.setenv("TOKENWARD_PROFILE", "notes")
    assert both.chosen() == ("notes", other)
    monkeypatch.delenv("TOKENWARD_PROFILE")
    with pytest.raises(ProfileError, match="nobody is signed in"):
        Profiles().chosen()
    twice = Profiles({"a": PERSON, "b": other, "c": other}, "a")
    with pytest.raises(ProfileError, match="say --profile b or c"):
        twice.chosen(audience=NOTES)


def test_a_program_may_ask_for_other_scopes_and_a_person_may_not():
    assert PROGRAM.asking_for(("x",)).scope == ("x",)
    assert PERSON.asking_for(("accounts:read", "openid", "offline_access")) is PERSON
    with pytest.raises(ProfileError, match="this sign-in is for"):
        PERSON.asking_for(("transfers:write",))


def wanted(known=None, *, issuer=ISSUER, name="", device=None, **said):
    return wanted_profile(Profiles(known or {}, next(iter(known or {}), "")), issuer=issuer, name=name,
                          device=device, said=said)  # fmt: skip


def test_a_first_login_needs_an_issuer_and_no_more():
    assert wanted() == (
        "login.example.com",
        Profile(ISSUER, "tokenward-cli", scope=("openid", "offline_access")),
    )
    with pytest.raises(ProfileError, match="nobody is signed in"):
        wanted(issuer="")


def test_a_second_login_remembers_what_the_first_was_told():
    known = {"login.example.com": PERSON}
    assert wanted(known) == wanted(known, issuer="") == ("login.example.com", PERSON)
    assert wanted(known, scope=("transfers:write",))[1].scope == (
        "openid",
        "offline_access",
        "transfers:write",
    )
    assert wanted(known, issuer="https://other.example.com")[1].audience == ""


def test_without_a_browser_it_is_another_device_with_a_client_for_that(monkeypatch):
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 50000 10.0.0.2 22")
    device = wanted()[1]
    assert (device.device, device.client_id) == (True, "tokenward-cli-device")
    assert wanted(device=False)[1].client_id == "tokenward-cli"
    monkeypatch.delenv("SSH_CONNECTION")
    assert wanted({"login.example.com": device})[1].client_id == "tokenward-cli"
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("BROWSER", raising=False)
    assert wanted()[1].device == (os.name == "posix" and os.uname().sysname == "Linux")


def test_a_program_says_which_client_it_is_and_asks_for_no_scope_of_a_person():
    with pytest.raises(ProfileError, match="--client-id"):
        wanted(workload="github")
    program = wanted({"login.example.com": PERSON}, client_id="job", private_key="file:key.pem")[1]
    assert (program.scope, program.way) == (("accounts:read",), "client credentials (private key)")
    other = wanted({"login.example.com": program}, workload="kubernetes")[1]
    assert (other.private_key, other.workload) == ("", "kubernetes")


def test_the_file_is_where_the_system_keeps_such_files(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert default_path() == tmp_path / "tokenward" / "profiles.json"


@pytest.mark.parametrize(
    "issuer", ["login.example.com", "127.0.0.1:8080", "ftp://login.example.com", "https://"]
)
def test_an_issuer_that_is_no_url_is_told_to_be_one(issuer):
    with pytest.raises(ProfileError, match="the issuer is a URL, such as https://"):
        wanted_profile(Profiles(), issuer=issuer, name="", device=None, said={})


def test_a_profile_of_an_issuer_at_an_ipv6_address_has_a_name():
    name, _ = wanted_profile(Profiles(), issuer="http://[::1]:8080", name="", device=None, said={})
    assert name == "::1:8080"


def name_for(profiles, issuer, name=""):
    return wanted_profile(profiles, issuer=issuer, name=name, device=None, said={})[0]


def test_issuers_of_one_host_have_profiles_of_their_own():
    one, other = f"{ISSUER}/realms/one", f"{ISSUER}/realms/other"
    assert name_for(Profiles(), ISSUER) == "login.example.com"
    assert name_for(Profiles(), one) == "login.example.com:realms-one"
    assert name_for(Profiles(), other) == "login.example.com:realms-other"


def test_no_profile_of_another_issuer_is_taken_without_being_named():
    there = Profiles({"login.example.com:a-b": Profile(f"{ISSUER}/a/b", "app")})
    assert name_for(there, f"{ISSUER}/a/b") == "login.example.com:a-b"
    with pytest.raises(ProfileError, match="--profile"):
        name_for(there, f"{ISSUER}/a-b")
    assert name_for(there, f"{ISSUER}/a-b", "login.example.com:a-b") == "login.example.com:a-b"


def test_signing_out_everywhere_goes_on_after_an_issuer_that_is_none(write, monkeypatch, tmp_path):
    good = {"issuer": "https://127.0.0.1:1", "client_id": "app", "subject": "ann"}
    file = write(
        {"default": "bad", "profiles": {"bad": {"issuer": "none", "client_id": "app"}, "good": good}}
    )
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    done = CliRunner().invoke(application, ["logout", "--all"])
    assert done.exit_code == 2
    assert "bad: the issuer must be an https URL" in done.output
    assert load(file).by_name["good"].subject == ""
    assert CliRunner().invoke(application, ["logout", "--all", "--remove"]).exit_code == 2
    assert load(file) == Profiles()
