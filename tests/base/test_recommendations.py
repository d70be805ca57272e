import re

from tokenward.base.recommendations import RECOMMENDATIONS


def test_the_ids_are_the_fourteen_that_documents_and_findings_use():
    assert list(RECOMMENDATIONS) == [
        "trust-no-one",
        "everything-is-public",
        "access-by-risk",
        "no-basic",
        "api-keys",
        "oauth",
        "secrets-leak",
        "no-secret-in-apps",
        "no-hardcoding",
        "like-passwords",
        "oauth-is-not-login",
        "mind-the-claims",
        "validate-thoroughly",
        "as-code",
    ]


def test_each_is_found_under_its_own_id_and_says_what_the_software_does():
    for key, row in RECOMMENDATIONS.items():
        assert key == row.id
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", row.id)
        assert row.text.endswith(".")
        assert row.behaviour.endswith(".")
