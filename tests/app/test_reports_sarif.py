import json
from urllib.parse import unquote_to_bytes

import jsonschema_rs
import pytest

from app.report_samples import ANN, AT, EVIL, GITHUB, HOSTILE, JWT, ORDINARY, finding, result
from app.sarif_excerpt import LOG
from tokenward.app.reports import sarif
from tokenward.app.reports.audits import audit_report
from tokenward.app.reports.leaks import leak_report
from tokenward.auditor import findings
from tokenward.base.severity import Severity
from tokenward.leaks.findings import Commit, Place, Trouble

VALIDATOR = jsonschema_rs.Draft202012Validator(LOG, validate_formats=True)


def run(of=ORDINARY, *, lasting_key=False):
    text = sarif.text(leak_report(of, at=AT, lasting_key=lasting_key))
    assert text.isascii()
    document = json.loads(text)
    VALIDATOR.validate(document)
    return document["runs"][0]


def commit(*, in_head):
    return Commit("f" * 40, ANN, "2026-01-03T10:11:12Z", in_head=in_head)


@pytest.mark.parametrize("of", [ORDINARY, HOSTILE, result(), result(interrupted=True)])
def test_it_is_sarif(of):
    run(of)


def test_a_result_is_one_secret_in_one_file():
    places = [Place("a.py", 1, 2), Place("a.py", 9, 3), Place("b.py", 4, 5)]
    results = run(result(finding(GITHUB, *places)))["results"]
    assert [each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in results] == [
        "a.py",
        "b.py",
    ]
    assert results[0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 1, "startColumn": 2}
    [other] = results[0]["relatedLocations"]
    assert other["physicalLocation"]["region"] == {"startLine": 9, "startColumn": 3}
    assert "relatedLocations" not in results[1]
    assert "It is in 1 more file." in results[0]["message"]["text"]
    assert results[0]["partialFingerprints"] == results[1]["partialFingerprints"]


def test_what_is_still_in_head_comes_first():
    places = [Place("a.py", 1, 1, (), commit(in_head=False)), Place("a.py", 7, 1, (), commit(in_head=True))]
    first, second = run(result(finding(GITHUB, *places), finding(JWT, places[0])))["results"]
    assert first["locations"][0]["physicalLocation"]["region"]["startLine"] == 7
    assert first["locations"][0]["properties"]["commit"]["inHead"] is True
    assert "only in the history" not in first["message"]["text"]
    assert "only in the history" in second["message"]["text"]


def test_rules_and_levels_are_what_github_reads():
    told = run()
    rules = told["tool"]["driver"]["rules"]
    assert [(rule["id"], rule["properties"]["security-severity"]) for rule in rules] == [
        ("github-personal-access-token", "9.5"),
        ("tokenward-access-token", "8.0"),
        ("jwt", "5.5"),
        ("password", "5.5"),
    ]
    assert rules[0]["helpUri"] == "https://github.com/settings/tokens"
    assert "(https://github.com/settings/tokens)" in rules[0]["help"]["markdown"]
    by_rule = {each["ruleId"]: each for each in told["results"]}
    assert {rule: each["level"] for rule, each in by_rule.items()} == {
        "github-personal-access-token": "error",
        "tokenward-access-token": "error",
        "jwt": "error",  # raised above its rule
        "password": "warning",
    }
    assert all(rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in told["results"])
    assert run(result(finding(JWT, severity=Severity.LOW)))["results"][0]["level"] == "note"


def test_only_fingerprints_that_last_are_given():
    def marked(**key):
        return {each["ruleId"]: "partialFingerprints" in each for each in run(**key)["results"]}

    assert marked()["github-personal-access-token"]
    assert not marked()["jwt"]
    assert marked(lasting_key=True)["jwt"]
    assert run()["results"][0]["partialFingerprints"] == {"tokenwardSecret/v1": "sha256:" + "ab" * 32}


def test_what_is_accepted_is_left_out_and_counted():
    told = run()
    assert not any("fixture" in json.dumps(each) for each in told["results"])
    assert told["properties"]["accepted"] == 2


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("src/a b.py", "src/a%20b.py"),
        ("a:b.py", "a%3Ab.py"),
        ("100%.txt", "100%25.txt"),
        ("x?y#z", "x%3Fy%23z"),
        ("ü.txt", "%C3%BC.txt"),
        ("deep.zip!in/x", "deep.zip!in/x"),
        ("\udcff", "%FF"),
        ("\n\u202e", "%0A%E2%80%AE"),
        ("\\x", "%5Cx"),
        ("\ud800", "%5Cud800"),
    ],
)
def test_paths_are_relative_references(path, uri):
    [told] = run(result(finding(GITHUB, Place(path, 1, 1))))["results"]
    assert told["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": uri,
        "uriBaseId": "%SRCROOT%",
    }


def test_a_hostile_path_can_be_found_again():
    [told] = run(HOSTILE)["results"]
    uri = told["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert unquote_to_bytes(uri) == EVIL.encode("utf-8", "surrogateescape")


def test_texts_cannot_make_links_or_arguments():
    [told] = run(result(finding(GITHUB, masked="[x](0) {0}", why="[y](http://evil) {1}")))["results"]
    assert "\\[x\\](0) {{0}}" in told["message"]["text"]
    assert "\\[y\\](http://evil) {{1}}" in told["message"]["text"]


def test_what_could_not_be_looked_at_is_notified():
    told = run()["invocations"][0]
    assert told["executionSuccessful"] is False
    broken, skipped = told["toolExecutionNotifications"]
    assert (broken["level"], broken["message"]["text"]) == ("error", "damaged gzip data (5 files)")
    assert len(broken["locations"]) == 5
    assert (skipped["level"], skipped["message"]["text"]) == ("note", "left out on its word")


def test_what_was_left_out_on_purpose_is_a_note_of_a_successful_run():
    told = run(result(troubles=(Trouble("a", "left out on its word", skipped=True),)))["invocations"][0]
    assert told["executionSuccessful"] is True
    assert [each["level"] for each in told["toolExecutionNotifications"]] == ["note"]


def test_an_interrupted_scan_was_not_successful():
    told = run(result(interrupted=True))["invocations"][0]
    assert told["executionSuccessful"] is False
    assert told["toolExecutionNotifications"][0]["level"] == "error"


def test_the_limits_of_github_are_kept_and_what_is_left_out_is_said(monkeypatch):
    monkeypatch.setattr(sarif, "MOST_RESULTS", 3)
    many = result(*(finding(GITHUB, Place(f"{n}.py", 1, 1)) for n in range(5)))
    told = run(many)
    assert len(told["results"]) == 3
    assert told["invocations"][0]["toolExecutionNotifications"] == [
        {"level": "warning", "message": {"text": "2 more results are left out."}}
    ]
    crowd = run(
        result(
            finding(GITHUB, *(Place("a.py", line, 1) for line in range(1, 500))),
            troubles=tuple(Trouble(f"{n}", "why") for n in range(500)),
        )
    )
    assert len(crowd["results"][0]["relatedLocations"]) == 99
    assert len(crowd["invocations"][0]["toolExecutionNotifications"][0]["locations"]) == 100


def test_a_place_without_a_line_has_the_first_one():
    *_, binary = run()["results"]
    assert binary["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}


CHECK = findings.Check(
    "openapi.server-http",
    "A server without TLS",
    Severity.HIGH,
    why="Everything can be read.",
    attack="Somebody takes `the token`.",
    fix="Name it by `https://`.",
    references=("OWASP API8:2023", "RFC 9110 §4.2.2"),
    recommendation="trust-no-one",
)


def audited(source, pointer="", detail=""):
    found = findings.Finding.of(CHECK, findings.Place(source, pointer), detail)
    report = audit_report("audit", "t", findings.Result("s", (found,)), at=AT)
    return json.loads(sarif.text(report))["runs"][0]


def test_a_rule_has_all_that_a_viewer_shows_of_it():
    [rule] = audited("a.yaml")["tool"]["driver"]["rules"]
    assert rule["name"] == rule["shortDescription"]["text"] == CHECK.title
    assert rule["fullDescription"]["text"] == CHECK.why
    paragraphs = [CHECK.why, CHECK.attack, CHECK.fix, "See OWASP API8:2023, RFC 9110 §4.2.2."]
    assert rule["help"]["markdown"].split("\n\n") == paragraphs


def test_what_was_found_and_what_is_said_of_it_are_sentences_of_their_own():
    [told] = audited("a.yaml", detail="http://api.example.com")["results"]
    assert "http://api.example.com. Everything" in told["message"]["text"]
    [told] = audited("a.yaml", detail="It is open.")["results"]
    assert "It is open. Everything" in told["message"]["text"]


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (("a.yaml", "/servers/0"), "/servers/0"),
        (("GET http://127.0.0.1:8000/x", ""), "GET http://127.0.0.1:8000/x"),
        (("https://as.example/metadata", "/issuer"), "https://as.example/metadata#/issuer"),
    ],
    ids=["pointer", "request", "pointer into an address"],
)
def test_a_place_that_is_no_line_has_a_name(place, name):
    [told] = audited(*place)["results"]
    assert told["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": name}]


def test_a_file_needs_no_name():
    [told] = audited("a.yaml")["results"]
    assert "logicalLocations" not in told["locations"][0]
