"""The page about clients of others was made with the clients that are pinned, and none of them failed."""

import json
import re

from interop.page import CLIENTS, PAGE, Result, document, pins

TEXT = PAGE.read_text(encoding="utf-8")
SHOWN = re.findall(r"^- [\w-]+: (.*)$", TEXT, re.MULTILINE)


def test_the_page_is_of_the_pinned_versions():
    named = dict(package.split(" ") for line in SHOWN for package in line.split(", "))
    assert {"openid-client", "oauth4webapi", "authlib", "requests-oauthlib"} <= set(named)
    assert {"requests-oauth2client", "mcp"} <= set(named)
    named.pop("libapache2-mod-auth-openidc")  # of the distribution
    assert named == {name: pins()[name] for name in named}, "run make interop ARGS=--write"


def test_the_lock_holds_what_is_pinned_by_its_hash_and_names_no_registry():
    lock = json.loads((CLIENTS / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    manifest = json.loads((CLIENTS / "package.json").read_text(encoding="utf-8"))
    direct = manifest["dependencies"] | manifest["optionalDependencies"]
    assert {name: lock[f"node_modules/{name}"]["version"] for name in direct} == direct
    assert all("integrity" in entry and "resolved" not in entry for name, entry in lock.items() if name)


def test_every_flow_works_in_the_clients_that_have_it():
    rows = [line for line in TEXT.splitlines() if re.match(r"\| .* \| (works|–)", line)]
    assert len(rows) > 20
    assert "fails" not in "".join(rows)


def test_no_cell_of_the_table_is_empty():
    header, *rows = [line for line in TEXT.splitlines() if line.startswith("| ") and "---" not in line]
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == header.count(" | ") + 1, row
        assert all(cells), row


def test_the_page_was_made_with_the_node_that_is_pinned():
    manifest = json.loads((CLIENTS / "package.json").read_text(encoding="utf-8"))
    (version,) = set(manifest["optionalDependencies"].values())
    assert f"with Node {version}, Python " in TEXT, "run make interop ARGS=--write"


def test_a_flow_that_failed_is_shown_and_one_that_was_not_tried_is_not():
    results = {"A": [Result("code", works=False, note="no"), Result("key", works=True, note="")], "B": []}
    page = document(
        results, {}, {}, {}, {}, {}, ["- nothing"], {"A": "a 1", "B": "b 2"}, node="20", python="3.11"
    )
    assert "| code | **fails** |  |" in page
    assert "| key | works |  |" in page
    assert "\n- nothing\n" in page
