"""What `tokenward up --engine` does not start with, and says why."""

import pytest

from engines.test_plan import DOCUMENT
from engines.test_render import CONFIGURATION, DECISIONS, UPSTREAMS
from tokenward.app.config import load
from tokenward.app.engines import front
from tokenward.app.engines.program import Refused

HEADER = ", client_certificates: {{header: {name}}}"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (HEADER.format(name="Client-Cert"), "percent-encoded PEM"),
        (f"{DECISIONS}}}", "leave it out here"),
    ],
    ids=["a certificate as in RFC 9440", "a listener for others"],
)
def test_it_does_not_start(tmp_path, monkeypatch, more, why):
    (tmp_path / "bank.yaml").write_text(DOCUMENT)
    path = tmp_path / "tokenward.yaml"
    path.write_text(CONFIGURATION.format(port=8001, more=more, upstreams=UPSTREAMS))
    monkeypatch.setattr("tokenward.app.engines.nginx.check", lambda: None)  # it need not be installed
    loaded = load(path)
    assert loaded.configuration is not None, loaded.findings
    with pytest.raises(Refused, match=why), front.fronted("nginx", loaded.configuration):
        pass
    assert not (tmp_path / "data").exists()
