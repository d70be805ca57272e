"""`tokenward render`: what an engine of somebody else is told."""

import subprocess

import pytest
import yaml
from typer.testing import CliRunner

from certificates import LOOPBACK, certificate
from engines.test_plan import DOCUMENT
from targets.envoy import program
from tokenward.app.cli import application

CONFIGURATION = """\
store: sqlite:data/tokenward.db
master_key: file:data/master.key
issuer: {{url: "http://127.0.0.1:8080", listen: "127.0.0.1:8080"}}
gateway: {{url: "http://127.0.0.1:8000", listen: "127.0.0.1:{port}", proxies: [127.0.0.1]{more}}}
admin: {{listen: "127.0.0.1:8081", token: "file:data/admin.token"}}
apis:
  bank: {{openapi: bank.yaml, risk: moderate, upstream: [{upstreams}], health: {{path: /up}}}}
"""
UPSTREAMS = "'https://one.example/v1', 'https://two.example/v1'"
DECISIONS = ', decisions: {listen: "127.0.0.1:8002", peers: [127.0.0.1]'


@pytest.fixture
def render(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bank.yaml").write_text(DOCUMENT)

    def _render(*arguments, port=8001, more=f"{DECISIONS}}}", upstreams=UPSTREAMS):
        (tmp_path / "tokenward.yaml").write_text(
            CONFIGURATION.format(port=port, more=more, upstreams=upstreams)
        )
        return CliRunner().invoke(application, ["render", *arguments])

    return _render


def _named(document, kind):
    return {it["name"]: it for it in document["static_resources"][kind]}


def test_envoy_takes_what_is_written(render, tmp_path):
    assert render("envoy", "--output", "envoy.yaml").exit_code == 0
    path = tmp_path / "envoy.yaml"
    looked = subprocess.run(
        [program(), "--mode", "validate", "--config-path", path], capture_output=True, text=True, check=False
    )
    assert looked.returncode == 0, looked.stderr
    assert render("envoy").stdout == path.read_text()


def test_it_listens_where_the_url_says_and_asks_where_the_configuration_says(render):
    document = yaml.safe_load(render("envoy").stdout)
    (listener,) = document["static_resources"]["listeners"]
    assert listener["address"]["socket_address"] == {"address": "0.0.0.0", "port_value": 8000}
    # Who the gateway calls a proxy is this engine, which believes nobody.
    assert len(listener["filter_chains"]) == 1
    assert listener["filter_chains"][0]["filters"][-1]["typed_config"]["use_remote_address"] is True
    ports = {
        name: it["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]
        for name, it in _named(document, "clusters").items()
        if name.startswith("tokenward-")
    }
    assert [ports[f"tokenward-{it}"]["socket_address"]["port_value"] for it in ("decisions", "gateway")] == [
        8002,
        8001,
    ]


def test_both_sides_prove_who_they_are_where_decisions_are_asked_by_tls(render, tmp_path):
    held = certificate("CN=gateway", extensions=(LOOPBACK,))
    chain, key = held.write(tmp_path, "own")
    tls = f", tls: {{certificate: {chain}, key: 'file:{key}', clients: {chain}}}}}"
    document = yaml.safe_load(render("envoy", more=DECISIONS + tls).stdout)
    shown = _named(document, "clusters")["tokenward-decisions"]["transport_socket"]["typed_config"]
    common = shown["common_tls_context"]
    assert common["tls_certificates"][0]["certificate_chain"] == {"filename": "engine.crt"}
    assert common["validation_context"]["trusted_ca"] == {"filename": "gateway-ca.crt"}
    (san,) = common["validation_context"]["match_typed_subject_alt_names"]
    assert (san["san_type"], san["matcher"]) == ("IP_ADDRESS", {"exact": "127.0.0.1"})


@pytest.mark.parametrize(
    ("arguments", "changes", "told"),
    [
        (["envoy"], {"more": ""}, "gateway.decisions.listen"),
        (["envoy"], {"port": 8000}, "let the gateway listen at another port"),
        (
            ["envoy"],
            {"more": f"{DECISIONS}}}, client_certificates: {{header: Client-Cert}}"},
            "gateway.client_certificates.header",
        ),
        (["apache"], {}, "choose from envoy, nginx"),
        (["envoy", "--output", "no/such/directory/envoy.yaml"], {}, "cannot write"),
    ],
)
def test_what_cannot_be_is_one_clear_error(render, arguments, changes, told):
    result = render(*arguments, **changes)
    assert result.exit_code in {1, 2}
    assert told in " ".join(result.stderr.split())
