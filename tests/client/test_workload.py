"""What a platform says of a workload, and what is said where there is none."""

import pytest

from tokenward.client import GitHubActions, GitLabCI, Kubernetes, Server, TokenError, WorkloadIdentity


@pytest.mark.parametrize(
    ("platform_", "text"),
    [
        (GitHubActions(), "not a GitHub job"),
        (GitLabCI(), "ASSERTION is not set"),
        (Kubernetes("/nowhere/token"), "No such file"),
    ],
    ids=["github", "gitlab", "kubernetes"],
)
def test_elsewhere_it_is_said_what_is_missing(fake, platform_, text, monkeypatch):
    for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "ASSERTION"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(TokenError, match=f"no_assertion: .*{text}"):
        WorkloadIdentity(Server(fake.issuer), client_id="x", platform=platform_).token()


def test_a_statement_that_may_count_once_is_sent_once(fake, monkeypatch):
    monkeypatch.setenv("ASSERTION", "of the job")
    fake.scripts = [(500, {})]
    with pytest.raises(TokenError, match="answered 500"):
        WorkloadIdentity(Server(fake.issuer), client_id="x", platform=GitLabCI()).token()
    assert [form["assertion"] for form, _ in fake.forms] == ["of the job"]
    assert fake.forms[0][0]["client_id"] == "x"
