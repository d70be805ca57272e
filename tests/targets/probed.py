"""Probes a target that trusts the probe's test issuer."""

from targets import raw
from targets.serving import running
from tokenward.auditor.probing.asked import Asked, Watcher
from tokenward.auditor.probing.probe import probe


class Telling(Watcher):
    """Tells a target whom it is to trust."""

    def __init__(self, trust):
        self.trust = trust

    def listens(self, issuer):
        self.trust.url = issuer


def probed(make, **asked):
    trust = raw.Trust()
    with running(make(trust)) as url:
        settings = {"audience": raw.AUDIENCE, "test_issuer": ("127.0.0.1", 0), "rate": 1e6} | asked
        return probe(Asked(url, **settings), sleep=lambda _: None, watcher=Telling(trust))


def found(result):
    return {finding.check.id.removeprefix("probe.") for finding in result.findings}
