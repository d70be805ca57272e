"""The demonstration's policy as files: no secret and no database is there."""

from tokenward.app.demo import _CONFIGURATION
from tokenward.app.samples import SAMPLES

SAMPLE = SAMPLES["bank"].document.with_name("bank.policytest.yaml")
_PLACES = dict.fromkeys(("issuer", "gateway", "weather", "bank"), "http://127.0.0.1:{}")


def write_policy(folder):
    """`tokenward.yaml` and the documents that it names."""
    urls = {name: url.format(8000 + number) for number, (name, url) in enumerate(_PLACES.items())}
    listens = {
        f"{name}_listen": f"127.0.0.1:{9000 + n}" for n, name in enumerate(("issuer", "gateway", "admin"))
    }
    (folder / "tokenward.yaml").write_text(_CONFIGURATION.format(store="sqlite:a.db", **urls, **listens))
    for sample in SAMPLES.values():
        (folder / sample.document.name).write_text(sample.document.read_text())
