"""Platforms' tokens as each platform documents them, and what their claims must be."""

from dataclasses import dataclass, field

import pytest

from tokenward.base.clock import ManualClock
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.validator import JwtValidator
from tokenward.tokens.workloads import PLATFORMS, why_not_admitted, why_not_identified

KEY = SigningKey.generate("RS256")
OURS = "https://login.example.com"
NOW = 1_800_000_000
TIMES = {"iat": NOW, "nbf": NOW - 5, "exp": NOW + 300}
GITHUB = TIMES | {
    "jti": "example-id",
    "sub": "repo:octo-org/octo-repo:environment:prod",
    "environment": "prod",
    "aud": OURS,
    "ref": "refs/heads/main",
    "sha": "example-sha",
    "repository": "octo-org/octo-repo",
    "repository_owner": "octo-org",
    "actor_id": "12",
    "repository_visibility": "private",
    "repository_id": "74",
    "repository_owner_id": "65",
    "run_id": "example-run-id",
    "run_number": "10",
    "run_attempt": "2",
    "runner_environment": "github-hosted",
    "actor": "octocat",
    "workflow": "example-workflow",
    "head_ref": "",
    "base_ref": "",
    "event_name": "workflow_dispatch",
    "ref_type": "branch",
    "ref_protected": "true",
    "job_workflow_ref": "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
    "iss": "https://token.actions.githubusercontent.com",
}
GITLAB = TIMES | {
    "namespace_id": "72",
    "namespace_path": "my-group",
    "project_id": "20",
    "project_path": "my-group/my-project",
    "user_id": "1",
    "user_login": "sample-user",
    "user_email": "sample-user@example.com",
    "user_identities": [{"provider": "github", "extern_uid": "2435223452345"}],
    "pipeline_id": "574",
    "pipeline_source": "push",
    "job_id": "302",
    "ref": "main",
    "ref_type": "branch",
    "ref_path": "refs/heads/main",
    "ref_protected": "true",
    "environment": "production",
    "environment_protected": "true",
    "deployment_tier": "production",
    "runner_id": 1,
    "runner_environment": "self-hosted",
    "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
    "project_visibility": "public",
    "ci_config_ref_uri": "gitlab.example.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main",
    "jti": "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b",
    "iss": "https://gitlab.com",
    "sub": "project_path:my-group/my-project:ref_type:branch:ref:main",
    "aud": OURS,
}
KUBERNETES = TIMES | {
    "aud": [OURS],
    "iss": "https://kubernetes.default.svc",
    "exp": NOW + 3607,
    "kubernetes.io": {
        "namespace": "prod",
        "node": {"name": "127.0.0.1", "uid": "58456cb0-dd00-45ed-b797-5578fdceaced"},
        "pod": {"name": "deploy-69cbfb9798-jv9gn", "uid": "778a530c-b3f4-47c0-9cd5-ab018fb64f33"},
        "serviceaccount": {"name": "deploy", "uid": "a087d5a0-e1dd-43ec-93ac-f13d89cd13af"},
    },
    "jti": "aed34954-b33a-4142-b1ec-389d6bbb4936",
    "sub": "system:serviceaccount:prod:deploy",
}
OTHER = TIMES | {"iss": "https://ci.example", "aud": OURS, "sub": "team/build", "jti": "1"}
ABSENT = object()


@dataclass
class Documented:
    platform: str
    claims: dict[str, object]
    admits: dict[str, object]
    bad: dict[str, dict[str, object]] = field(default_factory=dict)


DOCUMENTED = [
    Documented(
        "github",
        GITHUB,
        {("repository",): "octo-org/octo-repo", ("ref",): "refs/heads/main", ("environment",): "prod"},
        {
            "no repository": {"repository": ABSENT},
            "repository in a list": {"repository": ["octo-org/octo-repo"]},
            "no event": {"event_name": ABSENT},
            "event in a list": {"event_name": ["push"]},
            "no jti": {"jti": ABSENT},
            "an hour": {"exp": NOW + 3600},
        },
    ),
    Documented(
        "gitlab",
        GITLAB,
        {("project_path",): "my-group/my-project", ("ref_protected",): "true", ("ref_type",): "branch"},
        {
            "a person's sign-in": {
                "project_path": ABSENT,
                "namespace_path": ABSENT,
                "pipeline_source": ABSENT,
            },
            "source in a list": {"pipeline_source": ["push"]},
            "no jti": {"jti": ABSENT},
            "a day": {"exp": NOW + 86_400},
        },
    ),
    Documented(
        "kubernetes",
        KUBERNETES,
        {("sub",): "system:serviceaccount:prod:deploy", ("kubernetes.io", "namespace"): "prod"},
        {
            "a subject of another namespace": {"sub": "system:serviceaccount:other:deploy"},
            "a person": {"sub": "jane"},
            "no namespace": {"kubernetes.io": {}},
            "a list": {"kubernetes.io": ["prod"]},
            "the token of old Secrets": {"kubernetes.io": ABSENT, "exp": ABSENT},
            "a year": {"exp": NOW + 365 * 86_400},
        },
    ),
    Documented("oidc", OTHER, {("sub",): "team/build"}, {"no jti": {"jti": ABSENT}}),
]
EVERY_BAD: dict[str, dict[str, object]] = {
    "two audiences": {"aud": [OURS, "https://other.example"]},
    "another audience": {"aud": "https://other.example"},
    "our audience with a slash": {"aud": OURS + "/"},
    "no audience": {"aud": ABSENT},
    "another issuer": {"iss": "https://evil.example"},
    "expired": {"exp": NOW - 31},
    "not yet valid": {"nbf": NOW + 60},
    "a sign-in": {"nonce": "n"},
    "an access token": {"scope": "deploy"},
}
BY_PLATFORM = pytest.mark.parametrize("each", DOCUMENTED, ids=[each.platform for each in DOCUMENTED])


def validated(each, typ="JWT", **changes):
    claims = {name: value for name, value in {**each.claims, **changes}.items() if value is not ABSENT}
    validator = JwtValidator(
        issuer=each.claims["iss"],
        audience=OURS,
        keys={"keys": [KEY.public_jwk()]},
        algorithms=["RS256"],
        kind=each.platform,
        clock=ManualClock(NOW),
    )
    return validator.validate(sign_jwt(KEY, claims, typ=typ))


@BY_PLATFORM
def test_a_token_as_its_platform_documents_it_passes_and_its_rule_admits_it(each):
    claims = validated(each)
    assert why_not_admitted(PLATFORMS[each.platform], each.admits, claims) == ""
    assert why_not_identified(PLATFORMS[each.platform], each.admits) == ""


@pytest.mark.parametrize(
    ("each", "changes"),
    [
        pytest.param(each, changes, id=f"{each.platform}: {name}")
        for each in DOCUMENTED
        for name, changes in {**EVERY_BAD, **each.bad, "another typ": {"typ": "at+jwt"}}.items()
    ],
)
def test_whatever_differs_is_refused(each, changes):
    with pytest.raises(InvalidToken):
        validated(each, **changes)


def admitted(platform, rule, **changes):
    each = next(each for each in DOCUMENTED if each.platform == platform)
    return not why_not_admitted(PLATFORMS[platform], rule, {**each.claims, **changes})


@pytest.mark.parametrize(
    "value",
    [
        "octo-org/octo-repo2",
        "octo-org/octo-rep",
        "xocto-org/octo-repo",
        "Octo-Org/octo-repo",
        "octo-org/octo-repo\n",
        "octo-org/octo-rep\u043e",  # Cyrillic
        "octo\u2010org/octo-repo",  # another hyphen
        "octo-org/octo-repo\u200b",
        "",
        ["octo-org/octo-repo"],
        {"octo-org/octo-repo": True},
        True,
        None,
        0,
    ],
)
def test_a_claim_is_exactly_the_text_of_the_rule(value):
    rule = {("repository",): "octo-org/octo-repo"}
    assert admitted("github", rule)
    assert not admitted("github", rule, repository=value)


def test_a_missing_claim_is_no_match():
    assert not admitted("github", {("repository",): "octo-org/octo-repo", ("nothing",): "*"})
    assert not admitted("github", {("repository", "name"): "octo-org/octo-repo"})
    assert not admitted("kubernetes", {("kubernetes.io", "pod"): "*"})


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("refs/heads/release-*", ["refs/heads/release-1", "refs/heads/release-1.2_x"],
         ["refs/heads/release-", "refs/heads/release-1/x", "refs/heads/xrelease-1", "refs/heads/release-1\n",
          "refs/heads/release-1\u0661", "refs/heads/release-1:x", "refs/tags/release-1"]),
        ("refs/tags/v*.*", ["refs/tags/v1.2"], ["refs/tags/v1", "refs/tags/v1.2/3"]),
        ("refs/heads/[a]", ["refs/heads/[a]"], ["refs/heads/a"]),
    ],
)  # fmt: skip
def test_a_star_stands_for_a_part_of_one_name_and_nothing_else_is_special(pattern, good, bad):
    rule = {("repository",): "octo-org/octo-repo", ("ref",): pattern}
    assert all(admitted("github", rule, ref=ref) for ref in good)
    assert not [ref for ref in bad if admitted("github", rule, ref=ref)]


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "pull_request_review"])
def test_a_pull_request_is_admitted_only_by_a_rule_that_says_so(event):
    rule = {("repository",): "octo-org/octo-repo"}
    assert not admitted("github", rule, event_name=event, sub="repo:octo-org/octo-repo:pull_request")
    named = rule | {("event_name",): event}
    assert admitted("github", named, event_name=event)


def test_a_merge_request_is_admitted_only_by_a_rule_that_says_so():
    """Its `ref` is the name of a branch that its author chose."""
    rule = {("project_path",): "my-group/my-project", ("ref",): "main"}
    merge_request = {"pipeline_source": "merge_request_event", "ref_path": "refs/merge-requests/1/head"}
    assert not admitted("gitlab", rule, **merge_request)
    assert admitted("gitlab", rule | {("pipeline_source",): "merge_request_event"}, **merge_request)


@pytest.mark.parametrize(
    ("platform", "rule"),
    [
        ("github", {("ref",): "refs/heads/main"}),
        ("github", {("job_workflow_ref",): "octo-org/x/.github/workflows/y.yml@refs/heads/main"}),
        ("github", {("environment",): "prod", ("actor",): "octocat"}),
        ("github", {("repository",): "*"}),
        ("github", {("repository",): "*/octo-repo"}),
        ("github", {("repository",): "octo-*/octo-repo"}),
        ("github", {("repository",): "octo-org"}),
        ("github", {("repository_owner",): "octo*"}),
        ("github", {("repository_id",): "7*"}),
        ("github", {("repository_id",): "74", ("repository",): "*/octo-repo"}),
        ("github", {("sub",): "*"}),
        ("github", {("sub",): "repo:*"}),
        ("github", {("sub",): "repo:*/octo-repo:ref:refs/heads/main"}),
        ("gitlab", {("ref_protected",): "true"}),
        ("gitlab", {("project_path",): "*/my-project"}),
        ("gitlab", {("namespace_path",): "*"}),
        ("gitlab", {("sub",): "project_path:*/x:ref_type:branch:ref:main"}),
        ("kubernetes", {("kubernetes.io", "serviceaccount", "name"): "deploy"}),
        ("kubernetes", {("sub",): "system:serviceaccount:*:deploy"}),
        ("kubernetes", {("kubernetes.io", "namespace"): "*"}),
        ("oidc", {("sub",): "team/*"}),
        ("oidc", {("team",): "a"}),
    ],
)
def test_a_rule_that_would_let_in_just_anybody_is_none(platform, rule):
    assert why_not_identified(PLATFORMS[platform], rule)


@pytest.mark.parametrize(
    ("platform", "rule"),
    [
        ("github", {("repository",): "octo-org/*"}),
        ("github", {("repository_id",): "74"}),
        ("github", {("repository_owner",): "octo-org"}),
        ("github", {("sub",): "repo:octo-org/octo-repo:ref:refs/heads/*"}),
        ("gitlab", {("project_path",): "my-group/sub/*"}),
        ("gitlab", {("namespace_path",): "my-group"}),
        ("kubernetes", {("sub",): "system:serviceaccount:prod:*"}),
        ("kubernetes", {("kubernetes.io", "namespace"): "prod"}),
    ],
)
def test_a_rule_that_names_the_owner_in_full_is_good(platform, rule):
    assert why_not_identified(PLATFORMS[platform], rule) == ""
