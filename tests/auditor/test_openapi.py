import copy
import json
from datetime import date
from pathlib import Path

import pytest

from tokenward.auditor.openapi.audit import Means, audit_document
from tokenward.auditor.openapi.profiles import PROFILES
from tokenward.auditor.openapi.references import BOUNDS
from tokenward.auditor.openapi.table import CHECKS, RULES
from tokenward.auditor.recognition import Recognised
from tokenward.base.documents.reading import parse, parse_leniently
from tokenward.base.recommendations import RECOMMENDATIONS
from tokenward.base.severity import Confidence, Severity

TODAY = date(2026, 11, 27)
CASES = parse(Path(__file__).with_name("openapi_cases.yaml").read_bytes(), Path("cases.yaml")).data
OLD = CASES["clean_2"]
# What cannot be found without finding something else.
ALSO = {
    "integer-unsized": {"number-unbounded"},
    "response-415-missing": {"response-400-missing", "retry-after-missing"},
    **{
        f"response-{status}-missing": {"retry-after-missing"}  # they have a bare 429
        for status in ("400", "401", "403", "404", "500")
    },
}


def document(change=None, base=CASES["clean"]):
    """The clean document with a change."""
    if isinstance(change, str):
        change = parse(change.encode(), Path("change.yaml")).data
    return copy.deepcopy(base) if change is None else _patched(base, change)


def _patched(target, change):
    if not isinstance(change, dict):
        return copy.deepcopy(change)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _patched(result.get(key), value)
    return result


def recognise(text):
    """Knows one credential."""
    return tuple(
        Recognised("sk-live-4242", "sk", "a key", "Shop", "sk-…", Severity.HIGH, Confidence.HIGH, number, 1)
        for number, line in enumerate(text.split("\n"), start=1)
        if "sk-live-4242" in line
    )


def audited(data, profile="public"):
    text = data if isinstance(data, str) else json.dumps(data, indent=1)
    source = parse_leniently(text.encode(), Path("shop.json" if text[:1] == "{" else "shop.yaml"), BOUNDS)
    return audit_document(source, "shop.json", "", Means(TODAY, PROFILES[profile], recognise))


def ids(result):
    return {finding.check.id.removeprefix("openapi.") for finding in result.findings}


def _rows(table):
    return [
        pytest.param(*row.values(), id=f"{number}-{row['check']}") for number, row in enumerate(CASES[table])
    ]


@pytest.mark.parametrize("base", [CASES["clean"], OLD], ids=["3.1", "2.0"])
def test_a_clean_document_is_clean(base):
    result = audited(document(base=base))
    assert [(it.check.id, it.place.pointer, it.detail) for it in result.findings] == []
    assert result.numbers["score"] == 100
    assert not result.unseen


@pytest.mark.parametrize(("check", "change", "pointer"), _rows("found"))
def test_each_check_finds_its_thing_in_its_place(check, change, pointer):
    result = audited(document(change))
    found = [it.place.pointer for it in result.findings if it.check.id == f"openapi.{check}"]
    assert pointer in found, (found, ids(result))
    assert ids(result) - ALSO.get(check, set()) == {check}


@pytest.mark.parametrize(("check", "change"), _rows("not_found"))
def test_what_comes_near_is_none(check, change):
    assert check not in ids(audited(document(change)))


@pytest.mark.parametrize(("check", "change", "pointer"), _rows("found_in_2"))
def test_the_same_is_found_in_openapi_2(check, change, pointer):
    result = audited(document(change, OLD))
    found = [it.place.pointer for it in result.findings if it.check.id == f"openapi.{check}"]
    assert pointer in found, (found, ids(result))
    assert ids(result) - ALSO.get(check, set()) == {check}


def test_every_check_has_a_document_that_has_it():
    told = {f"openapi.{row['check']}" for row in CASES["found"]} | {
        "openapi.duplicate-key",
        "openapi.file-ambiguous",
    }
    assert {check.id for check, _ in CHECKS} == told


def test_a_key_that_is_there_twice_and_a_tag_are_told():
    text = "openapi: 3.1.0\ninfo: !x {version: '1'}\nsecurity: []\nsecurity: []\n"
    found = {it.check.id: it.place.line for it in audited(text).findings}
    assert found["openapi.duplicate-key"] == 4
    assert found["openapi.file-ambiguous"] == 2


@pytest.mark.parametrize("check", [it for it, _ in CHECKS], ids=lambda it: it.id)
def test_every_check_says_why_how_and_what_to_do(check):
    assert all(text.endswith(".") for text in (check.why, check.fix, check.attack))
    assert any(each.startswith("OWASP API") or "§" in each or "RFC" in each for each in check.references)
    assert check.recommendation in RECOMMENDATIONS
    assert len(check.title) <= 60


def test_ids_are_there_once():
    named = [check.id for check, _ in CHECKS]
    assert len(named) == len(set(named))
    assert len(RULES) == len({rule.check.id for rule in RULES})


@pytest.mark.parametrize("version", ["3.0.3", "3.1.1", "3.2.0"])
def test_versions_are_read(version):
    assert ids(audited(document(f"openapi: {version}"))) == set()


def test_openapi_3_2_has_query_and_methods_of_ones_own():
    change = """
    openapi: 3.2.0
    paths:
      /search:
        query: {security: [], responses: {default: {description: x}}}
        additionalOperations: {PURGE: {security: [], responses: {}}}
    """
    found = {it.place.pointer for it in audited(document(change)).findings}
    assert "/paths/~1search/query" in found
    assert "/paths/~1search/additionalOperations/PURGE/responses" in found


def test_the_worst_place_of_a_check_is_told_as_such():
    change = "{security: null, components: {securitySchemes: null}, paths: null}"
    assert "no-security-schemes" not in ids(audited(document(change)))


def test_an_acceptance_lets_pass_what_it_names_below_it_and_nothing_else():
    allow = "[{check: openapi.write-unprotected, reason: a form for everybody, until: '2027-03-31'}]"
    change = (
        f"paths: {{/orders: {{x-tokenward-allow: {allow}, post: {{security: []}}, get: {{security: []}}}}}}"
    )
    result = audited(document(change))
    accepted = [it for it in result.findings if it.suppression is not None]
    assert [it.check.id for it in accepted] == ["openapi.write-unprotected"]
    assert accepted[0].suppression.reason == "a form for everybody"
    assert accepted[0].suppression.until == date(2027, 3, 31)
    assert [it.check.id for it in result.findings if it.suppression is None] == ["openapi.read-unprotected"]


@pytest.mark.parametrize(
    "allowance",
    [
        "{check: openapi.read-unprotected, reason: x, until: '2026-11-26'}",
        "{check: openapi.read-unprotected, until: '2027-01-01'}",
        "{check: openapi.read-unprotected, reason: x}",
        "{check: openapi.read-unprotected, reason: x, until: soon}",
        "{check: openapi.read-unprotected, reason: x, until: '2028-01-01'}",
        "sure",
    ],
    ids=["expired", "no reason", "no end", "no day", "for years", "text"],
)
def test_an_acceptance_that_does_not_hold_lets_nothing_pass_and_is_told(allowance):
    change = f"paths: {{/orders: {{get: {{security: [], x-tokenward-allow: [{allowance}]}}}}}}"
    result = audited(document(change))
    assert {it.check.id for it in result.findings if it.suppression is None} == {
        "openapi.read-unprotected",
        "openapi.allow-useless",
    }


def test_the_last_day_of_an_acceptance_counts():
    allowance = "{check: openapi.read-unprotected, reason: x, until: '2026-11-27'}"
    change = f"paths: {{/orders: {{get: {{security: [], x-tokenward-allow: [{allowance}]}}}}}}"
    assert all(it.suppression for it in audited(document(change)).findings)


def test_a_profile_changes_what_counts():
    staging = "{url: 'https://staging.example.com', description: x}"
    change = f"servers: [{staging}, {{url: 'http://api.example.com', description: y}}]"
    severities = {
        profile: {it.check.id: it.severity for it in audited(document(change), profile).findings}
        for profile in PROFILES
    }
    assert severities["public"]["openapi.server-trial"] is Severity.LOW
    assert "openapi.server-trial" not in severities["partner"]
    assert severities["public"]["openapi.server-http"] is Severity.HIGH
    assert severities["internal"]["openapi.server-http"] is Severity.MEDIUM


def test_profiles_name_only_checks_that_there_are():
    known = {check.id for check, _ in CHECKS}
    for profile in PROFILES.values():
        assert set(profile.severities) <= known, profile.name


def test_the_score_adds_up_and_tells_how_it_was_lost():
    result = audited(document("{servers: [{url: 'http://api.example.com'}], info: {version: null}}"))
    assert result.numbers["lost.openapi.server-http"] == 15 * 0.6
    assert result.numbers["lost.openapi.version-missing"] == 5 * 0.15
    assert result.numbers["lost.transport"] == 9
    assert result.numbers["score"] == 90  # 100 - 9 - 0.75, rounded down
    assert any("server-http 9.0" in note for note in result.notes)


def test_what_is_accepted_costs_nothing():
    allow = "[{check: openapi.http-basic, reason: x, until: '2027-03-31'}]"
    change = (
        "{security: [{b: []}, {oauth: ['orders:read']}], components: {securitySchemes: "
        f"{{b: {{type: http, scheme: basic, x-tokenward-allow: {allow}}}}}}}}}"
    )
    assert audited(document(change)).numbers["score"] == 100


def test_what_many_operations_share_is_found_once():
    change = "components: {schemas: {Order: {properties: {it: {type: string}}}}}"
    found = [it for it in audited(document(change)).findings if it.check.id == "openapi.string-unbounded"]
    assert len(found) == 1


def test_a_schema_in_a_circle_is_walked_once():
    change = (
        "components: {schemas: {Order: {properties: {next: {$ref: '#/components/schemas/Order'}, "
        "also: {anyOf: [{$ref: '#/components/schemas/Order'}]}}}}}"
    )
    assert ids(audited(document(change))) == set()


def test_places_have_lines_and_columns_in_yaml():
    text = "openapi: 3.1.0\ninfo: {version: '1'}\nservers:\n  - url: http://api.example.com\n"
    place = next(it.place for it in audited(text).findings if it.check.id == "openapi.server-http")
    assert (place.line, place.column, place.pointer) == (4, 5, "/servers/0")
