import json
import shutil
from pathlib import Path

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tokenward.app.check import check
from tokenward.app.cli.protect import protect as protect_command
from tokenward.app.config import load
from tokenward.app.findings import errors
from tokenward.app.proposals import propose
from tokenward.app.protect import api_name, protect
from tokenward.app.yaml_source import read

UPSTREAM = "http://127.0.0.1:9000"
DOCUMENTS = Path(__file__).parent / "documents"
SAMPLES = Path(__file__).parents[2] / "src" / "tokenward" / "app" / "samples"

application = typer.Typer()
application.command()(protect_command)
run = CliRunner()


def proposals(document: str):
    return {it.label: it for it in propose(read(DOCUMENTS / document).data, "api")}


def operation(method: str, path: str, **body):
    (only,) = propose({"openapi": "3.1.0", "paths": {path: {method.lower(): body}}}, "api")
    return only


@pytest.mark.parametrize(
    "document",
    [
        DOCUMENTS / "shop.openapi.json",
        DOCUMENTS / "clinic.openapi.yaml",
        SAMPLES / "weather.openapi.yaml",
        SAMPLES / "bank.openapi.yaml",
    ],
    ids=lambda path: path.name,
)
def test_what_is_proposed_passes_check_as_it_is(tmp_path, document):
    copy = tmp_path / "api" / document.name
    copy.parent.mkdir()
    shutil.copy(document, copy)
    output = tmp_path / "tokenward.yaml"
    result = protect(copy, UPSTREAM, output=output)
    assert not errors(check(output).findings)
    (api,) = load(output).configuration.policy.apis
    assert len(api.operations) == len(result.proposals)
    by_label = {it.label: it for it in result.proposals}
    for found in api.operations:
        proposed = by_label[found.label]
        assert (found.tier.name, found.scopes) == (proposed.tier, set(proposed.needed))
        assert f"# {found.label}: {'; '.join(proposed.reasons)}." in output.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("label", "tier", "scopes", "reason"),
    [
        ("GET /v1/products", "low", "products:read", "harmless"),
        ("POST /v1/products", "moderate", "products:write", "POST changes something"),
        ("GET /v1/products/{sku}", "low", "products:read", "harmless"),
        ("DELETE /v1/products/{sku}", "moderate", "products:delete", "DELETE changes something"),
        ("POST /v1/orders/{id}/refunds", "moderate", "orders:write", "money (refund)"),
        ("GET /v1/exports/customers.csv", "moderate", "exports:read", "data in bulk (export)"),
        ("POST /v1/newsletter", "public", "", "security: []"),
        ("GET /healthz", "public", "", "health check"),
    ],
)
def test_tiers_and_scopes_follow_method_words_and_security(label, tier, scopes, reason):
    proposed = proposals("shop.openapi.json")[label]
    assert (proposed.tier, " ".join(proposed.needed)) == (tier, scopes)
    assert reason in "; ".join(proposed.reasons)


def test_what_the_document_says_is_kept_and_not_said_twice():
    clinic = proposals("clinic.openapi.yaml")
    assert clinic["GET /patients/{id}"].scopes is None
    assert clinic["GET /patients/{id}"].needed == ("patients:read",)
    assert clinic["GET /appointments"].risk is None
    assert clinic["GET /appointments"].tier == "low"
    assert clinic["GET /opening-hours"].key == "GET /opening-hours"


@pytest.mark.parametrize(
    ("method", "path", "tier"),
    [
        ("POST", "/payments", "critical"),
        ("PUT", "/me/password", "critical"),
        ("POST", "/apiKeys", "critical"),
        ("POST", "/api-keys", "critical"),
        ("DELETE", "/admin/tenants/{id}", "high"),
        ("POST", "/exports", "high"),
        ("POST", "/notes", ""),
        ("GET", "/payments", ""),
    ],
)
def test_risky_writes_say_which_tier_will_be_right(method, path, tier):
    assert operation(method, path).tier == "moderate"
    assert operation(method, path).right_tier == tier


@pytest.mark.parametrize(
    ("path", "tier"),
    [
        ("/health", "public"),
        ("/v2/ping", "public"),
        ("/health/ready", "public"),
        ("/patients/health", "moderate"),
        ("/matches/live", "low"),
        ("/health/{id}", "low"),
        ("/health/patients", "moderate"),
    ],
)
def test_only_a_health_check_is_public_by_its_name(path, tier):
    assert operation("GET", path).tier == tier
    assert operation("POST", path).tier == "moderate"


def test_words_in_the_operation_id_count_too():
    assert operation("GET", "/x", operationId="exportAllUsers").tier == "moderate"


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/", "api:read"),
        ("/v1/{id}", "api:read"),
        ("/api/v2/Notes/{id}", "notes:read"),
        ("/caf\u00e9s", "caf-s:read"),
    ],
)
def test_a_scope_is_named_by_the_first_telling_segment(path, scope):
    assert operation("GET", path).needed == (scope,)


@pytest.mark.parametrize(
    ("title", "file", "name"),
    [
        ("Corner Shop API", "x.yaml", "corner-shop"),
        (None, "bank.openapi.yaml", "bank"),
        ("API", "x.yaml", "api"),
        ("\u00dc", "\u00dc.yaml", "api"),
        (7, "B4.json", "b4"),
        ("x" * 60, "x.yaml", "x" * 40),
    ],
)
def test_an_api_is_named_by_title_or_file(title, file, name):
    assert api_name({"info": {"title": title}}, Path(file)) == name


def test_nothing_is_overwritten_unless_forced(tmp_path):
    output = tmp_path / "tokenward.yaml"
    output.write_text("mine", encoding="utf-8")
    document = DOCUMENTS / "clinic.openapi.yaml"
    with pytest.raises(FileExistsError):
        protect(document, UPSTREAM, output=output)
    assert [path.name for path in tmp_path.iterdir()] == ["tokenward.yaml"]
    assert output.read_text(encoding="utf-8") == "mine"
    protect(document, UPSTREAM, output=output, force=True)
    assert not errors(check(output).findings)


def test_keys_that_are_there_are_kept(tmp_path):
    document = DOCUMENTS / "clinic.openapi.yaml"
    protect(document, UPSTREAM, output=tmp_path / "one.yaml")
    key = (tmp_path / "data" / "master.key").read_bytes()
    result = protect(document, UPSTREAM, output=tmp_path / "two.yaml")
    assert result.secrets.made == ()
    assert (tmp_path / "data" / "master.key").read_bytes() == key


BROKEN = [
    ("no object", "[]"),
    ("no YAML", "a: ["),
    ("Swagger", "swagger: '2.0'\npaths: {/a: {get: {}}}"),
    ("no paths", "openapi: 3.1.0"),
    ("dot segment", "openapi: 3.1.0\npaths: {/a/../b: {get: {}}}"),
    ("same id twice", "openapi: 3.1.0\npaths: {/a: {get: {operationId: x}}, /b: {get: {operationId: x}}}"),
    ("unknown scheme", "openapi: 3.1.0\npaths: {/a: {get: {security: [{x: [y]}]}}}"),
    ("no such tier", "openapi: 3.1.0\npaths: {/a: {get: {x-tokenward-risk: severe}}}"),
]


@pytest.mark.parametrize("text", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_document_that_cannot_be_protected_is_told_about_and_leaves_nothing(tmp_path, text):
    document = tmp_path / "openapi.yaml"
    document.write_text(text, encoding="utf-8")
    result = protect(document, UPSTREAM, output=tmp_path / "tokenward.yaml")
    assert errors(result.findings)
    assert {finding.file.name for finding in result.findings} <= {"openapi.yaml", "tokenward.yaml"}
    assert [path.name for path in tmp_path.iterdir()] == ["openapi.yaml"]


@pytest.mark.parametrize(("upstream", "name"), [("ftp://x", "x"), ("http://u:p@x", "x"), (UPSTREAM, "A b")])
def test_arguments_that_cannot_be_written_are_refused(tmp_path, upstream, name):
    with pytest.raises(ValueError, match=r"--upstream|--name"):
        protect(DOCUMENTS / "shop.openapi.json", upstream, output=tmp_path / "tokenward.yaml", name=name)
    assert list(tmp_path.iterdir()) == []


_TEXT = st.text(max_size=12) | st.sampled_from(
    ["a\n      evil: {risk: public}", "x # y", "'", '"', "yes", "{a}"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.dictionaries(_TEXT.map("/".__add__), _TEXT, max_size=3), _TEXT)
def test_no_text_of_a_document_breaks_out_of_its_place(tmp_path, paths, title):
    document = {
        "openapi": "3.1.0",
        "info": {"title": title},
        "paths": {path: {"post": {"operationId": name}} for path, name in paths.items()},
    }
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    output = tmp_path / "tokenward.yaml"
    result = protect(file, UPSTREAM, output=output, force=True)
    if result.secrets is not None:
        said = load(output).settings
        (api,) = said.apis.values()
        assert list(api.operations) == [it.key for it in result.proposals]
        assert all(it.risk == "moderate" for it in api.operations.values())


def test_the_command_shows_the_proposals_and_what_to_do_next(tmp_path):
    output = tmp_path / "tokenward.yaml"
    arguments = [str(DOCUMENTS / "shop.openapi.json"), "--upstream", UPSTREAM, "--output", str(output)]
    result = run.invoke(application, arguments)
    assert result.exit_code == 0
    assert "POST /v1/orders/{id}/refunds" in result.output
    assert f"tokenward check --config {output}" in result.output.replace("\n", "")
    assert run.invoke(application, arguments).exit_code == 1
    assert run.invoke(application, [*arguments, "--force"]).exit_code == 0
    assert run.invoke(application, [*arguments[:2], "ftp://x"]).exit_code == 2


def test_the_command_tells_what_is_wrong_with_the_document(tmp_path):
    document = tmp_path / "openapi.yaml"
    document.write_text("openapi: 3.1.0\npaths:\n  /a//b:\n    get: {}\n", encoding="utf-8")
    result = run.invoke(
        application, [str(document), "--upstream", UPSTREAM, "--output", str(tmp_path / "tokenward.yaml")]
    )
    assert result.exit_code == 1
    assert "openapi.yaml:3:3: error openapi:" in result.output


@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\u2028", "\ufeff", "\x1b", "\U000e0041"])
def test_what_cannot_be_seen_is_escaped_in_what_is_written(tmp_path, character):
    document = tmp_path / "api.json"
    body = {"operationId": f"list{character}Things", "responses": {}}
    document.write_text(json.dumps({"openapi": "3.1.0", "paths": {"/things": {"get": body}}}))
    output = tmp_path / "tokenward.yaml"
    assert protect(document, UPSTREAM, output=output).secrets is not None
    text = output.read_text(encoding="utf-8")
    assert all(each.isprintable() or each == "\n" for each in text)
    assert not errors(check(output).findings)


def test_an_extension_among_the_paths_is_no_path(tmp_path):
    document = tmp_path / "api.json"
    paths = {"/things": {"get": {"responses": {}}}, "x-internal": {"get": {"note": "not an operation"}}}
    document.write_text(json.dumps({"openapi": "3.1.0", "paths": paths}))
    result = protect(document, UPSTREAM, output=tmp_path / "tokenward.yaml")
    assert [it.label for it in result.proposals] == ["GET /things"]
    assert result.secrets is not None
