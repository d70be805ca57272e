import json
import re

import pytest

from tokenward.base import problems
from tokenward.base.problems import (
    CATALOGUE,
    INSUFFICIENT_SCOPE,
    INVALID_TOKEN,
    NO_CREDENTIAL,
    NOT_FOUND,
    Refusal,
    challenge,
    oauth_json,
    problem_json,
)

ROWS = list(CATALOGUE.values())
# RFC 6749 §5.2 and RFC 6750 §3: error and error_description are %x20-21 / %x23-5B / %x5D-7E.
MAY_BE_TOLD = {chr(each) for each in (*range(0x20, 0x22), *range(0x23, 0x5C), *range(0x5D, 0x7F))}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.code)
def test_every_row_can_be_told_in_every_shape(row):
    assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", row.code)
    assert 400 <= row.status < 600
    assert row.text.endswith(".")
    assert set(row.text + row.oauth + row.code) <= MAY_BE_TOLD
    assert re.fullmatch(r"[a-z_]*", row.oauth)

    told = json.loads(problem_json(row))
    assert told == {"type": f"urn:tokenward:problem:{row.code}", "title": row.text, "status": row.status}
    assert json.loads(oauth_json(row)) == {"error": row.oauth or row.code, "error_description": row.text}
    assert challenge(row, realm="api").startswith('Bearer realm="api"')


@pytest.mark.parametrize("character", ['"', "\\", "\x1f", "\x7f", "\u00e9", "\n"])
def test_no_row_has_a_character_that_an_error_must_not_have(character):
    assert not re.fullmatch(problems.TOLD, character)
    for row in (("new", "No" + character), ("new" + character, "No."), ("new", "No.", "no" + character)):
        with pytest.raises(ValueError, match="character"):
            problems._row(row[0], 400, row[1], "", *row[2:])
    assert {chr(each) for each in range(0x300) if re.fullmatch(problems.TOLD, chr(each))} == MAY_BE_TOLD


def test_no_code_is_listed_twice():
    with pytest.raises(ValueError, match="twice"):
        problems._row(NOT_FOUND.code, 404, "Again.")


def test_every_row_has_a_name_to_raise_it_by():
    named = [value for value in vars(problems).values() if isinstance(value, problems.Problem)]
    assert sorted(named, key=lambda row: row.code) == sorted(ROWS, key=lambda row: row.code)


def test_problem_json_takes_further_members():
    assert json.loads(problem_json(NOT_FOUND, {"instance": "/x"}))["instance"] == "/x"


def test_a_request_without_credential_learns_no_error_code():
    assert challenge(NO_CREDENTIAL, realm="api") == 'Bearer realm="api"'


def test_a_challenge_names_error_scope_and_scheme():
    assert challenge(INSUFFICIENT_SCOPE, realm="api", scheme="DPoP", scope="a b") == (
        'DPoP realm="api", error="insufficient_scope", '
        f'error_description="{INSUFFICIENT_SCOPE.text}", scope="a b"'
    )


def test_the_detail_of_a_refusal_reaches_the_log_and_no_response():
    refusal = Refusal(INVALID_TOKEN, "revoked yesterday", retry_after=3)
    assert str(refusal) == "invalid_token: revoked yesterday"
    assert (refusal.problem, refusal.detail, refusal.retry_after) == (INVALID_TOKEN, "revoked yesterday", 3)
    assert str(Refusal(INVALID_TOKEN)) == "invalid_token"
    for response in (problem_json(refusal.problem), oauth_json(refusal.problem)):
        assert b"yesterday" not in response
    assert "yesterday" not in challenge(refusal.problem, realm="api")
