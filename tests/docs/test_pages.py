"""What the written pages say can be followed: links, commands, names, pictures."""

import ast
import importlib
import itertools
import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tokenward.app.cli import application

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "SECURITY.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
BY_NAME = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def _prose(page):
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def _blocks(page, *languages):
    found = _FENCE.findall(page.read_text(encoding="utf-8"))
    return [
        re.sub(f"^{indent}", "", text, flags=re.MULTILINE)
        for indent, language, text in found
        if language in languages
    ]


def _anchors(page):
    heads = re.findall(r"^#+ (.*)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@BY_NAME
def test_internal_links_resolve(page):
    for link in _LINK.findall(_prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), link
        assert not anchor or anchor in _anchors(path), link


def _commands():
    for page in PAGES:
        for block in _blocks(page, "sh", "console", ""):
            for line in block.replace("\\\n", " ").splitlines():
                match = re.match(r"\s*(?:\.venv/bin/)?tokenward (.*)", line)
                if match:
                    yield f"{page.name}: {match[1]}", match[1]


COMMANDS = dict(_commands())


@pytest.mark.parametrize("line", COMMANDS.values(), ids=COMMANDS)
def test_every_command_that_a_page_shows_exists_with_its_options(line):
    words = shlex.split(re.split(r" [<>|&]", line)[0])
    command = typer.main.get_group(application)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    if words[:1] == ["COMMAND"] or "[OPTIONS]" in words:  # the synopsis of a generated page
        return
    assert not hasattr(command, "commands"), f"no such command: {line}"
    if command.context_settings.get(
        "ignore_unknown_options"
    ):  # another command's begin with its first argument
        words = list(itertools.takewhile(lambda word: word != "--" and "://" not in word, words))
    known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    assert {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)} <= known


def test_a_command_that_does_not_exist_is_noticed():
    assert CliRunner().invoke(application, ["clients", "invent"]).exit_code == 2


def _imports():
    for page in PAGES:
        for block in _blocks(page, "python"):
            for node in ast.walk(ast.parse(block)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tokenward"):
                    yield from ((node.module, alias.name) for alias in node.names)


@pytest.mark.parametrize(("module", "name"), sorted(set(_imports())))
def test_every_name_that_a_page_imports_exists(module, name):
    if not hasattr(importlib.import_module(module), name):
        importlib.import_module(f"{module}.{name}")


def test_the_validators_that_a_page_shows_are_made_with_settings_that_exist():
    names = {}
    for block in _blocks(ROOT / "docs" / "how-to" / "validate-tokens-of-any-issuer.md", "python"):
        exec(compile(block, "snippet", "exec"), names)  # nothing is fetched before a token comes
    assert names["who"]("no token") is None
    for name in ("validator", "several", "tokens"):
        with pytest.raises(names["InvalidToken"]):
            names[name].validate("no token")


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("tokenward", {"InvalidToken", "JwksSource", "JwtValidator", "VerifiedClaims"}),
        (
            "tokenward.tokens",
            {
                "ClientCertificate",
                "DpopVerifier",
                "IdTokenValidator",
                "InvalidToken",
                "MultiIssuerValidator",
                "SignIn",
                "VerifiedProof",
                "verify_jws",
            },
        ),
        (
            "tokenward.client",
            {
                "AiohttpAuth",
                "ApiKey",
                "ClientCertificate",
                "ClientCredentials",
                "ClientSecret",
                "DeviceSignIn",
                "GitHubActions",
                "GitLabCI",
                "HeaderProvider",
                "HttpxAuth",
                "Kubernetes",
                "PrivateKeyJwt",
                "RequestsAuth",
                "Server",
                "ServerUnavailable",
                "SignIn",
                "SignInRequired",
                "Token",
                "TokenError",
                "TokenExchange",
                "TokenSource",
                "Vault",
                "WorkloadIdentity",
            },
        ),
        (
            "tokenward.client.web",
            {"MemorySessions", "Person", "SessionStore", "SqliteSessions", "StoredSession", "WebSignIn"},
        ),
        ("tokenward.backend", {"InsideTokenMiddleware", "InsideVerifier"}),
    ],
)
def test_what_is_exported_is_what_was_promised(module, names):
    found = importlib.import_module(module)
    assert set(found.__all__) == names
    assert all(hasattr(found, name) for name in names)


@pytest.mark.parametrize("picture", sorted((ROOT / "docs" / "images").iterdir()), ids=lambda path: path.name)
def test_a_picture_is_small_shown_and_fetches_nothing(picture):
    assert picture.stat().st_size <= 150_000
    assert any(picture.name in page.read_text(encoding="utf-8") for page in PAGES)
    if picture.suffix == ".svg":
        text = picture.read_text(encoding="utf-8")
        assert not re.search(r"@import|@font-face|<script|(?:href|src)=|url\((?!#)", text)


def test_every_how_to_is_in_the_list():
    folder = ROOT / "docs" / "how-to"
    listed = set(_LINK.findall((folder / "README.md").read_text(encoding="utf-8")))
    assert {page.name for page in folder.glob("*.md")} - {"README.md"} <= listed
