"""The verifiers on the page for Go, Java and Node, run as they stand there, against the table of attacks."""

import base64
import json
import os
import re
import shutil
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from serving import serving
from tokenward.auditor.attacks import ON_ACCESS_TOKENS, Kit

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "verify-in-go-java-and-node.md"
ISSUER, AUDIENCE = "https://gateway.example/.well-known/tokenward", "https://gateway.example/notes"

NODE = """
import { createInterface } from "node:readline";
import { InsideVerifier, Refused } from "./verify.mjs";
const [issuer, audience, jwksUrl] = process.argv.slice(2);
const verifier = new InsideVerifier({ issuer, audience, jwksUrl });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const claims = await verifier.verify(Buffer.from(line, "base64").toString("utf8"));
    console.log(`accepted ${claims.sub}`);
  } catch (error) {
    console.log(error instanceof Refused ? "refused" : `unknown ${error}`);
  }
}
"""

GO = """
package main

import (
    "bufio"
    "encoding/base64"
    "errors"
    "fmt"
    "os"

    "example/inside"
)

func main() {
    verifier := &inside.Verifier{Issuer: os.Args[1], Audience: os.Args[2], JwksURL: os.Args[3]}
    lines := bufio.NewScanner(os.Stdin)
    lines.Buffer(nil, 1<<22)
    for lines.Scan() {
        text, _ := base64.StdEncoding.DecodeString(lines.Text())
        claims, err := verifier.Verify(string(text))
        if err == nil {
            fmt.Println("accepted", claims["sub"])
        } else if errors.Is(err, inside.ErrRefused) {
            fmt.Println("refused")
        } else {
            fmt.Println("unknown", err)
        }
    }
}
"""

JAVA = """
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

public class Main {
    public static void main(String[] given) throws Exception {
        InsideVerifier verifier = new InsideVerifier(given[0], given[1], URI.create(given[2]));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            try {
                String text = new String(Base64.getDecoder().decode(line), StandardCharsets.UTF_8);
                System.out.println("accepted " + verifier.verify(text).get("sub"));
            } catch (InsideVerifier.Refused refused) {
                System.out.println("refused");
            } catch (Exception error) {
                System.out.println("unknown " + error);
            }
            System.out.flush();
        }
    }
}
"""


def _block(language):
    """The first block of that language on the page."""
    return re.search(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)[1]


def _node(directory):
    (directory / "verify.mjs").write_text(_block("js"))
    (directory / "main.mjs").write_text(NODE)
    return ["node", "main.mjs"]


def _go(directory):
    (directory / "inside").mkdir()
    (directory / "inside" / "verify.go").write_text(_block("go"))
    (directory / "main.go").write_text(GO)
    (directory / "go.mod").write_text("module example\n\ngo 1.18\n")
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GOCACHE": str(directory / "cache")}
    subprocess.run(["go", "build", "-o", "verify", "."], cwd=directory, check=True, env=environment)
    return ["./verify"]


def _java(directory):
    (directory / "InsideVerifier.java").write_text(_block("java"))
    (directory / "Main.java").write_text(JAVA)
    subprocess.run(["javac", "-d", ".", "Main.java", "InsideVerifier.java"], cwd=directory, check=True)
    return ["java", "-cp", ".", "Main"]


# Only Node is something that the tests install. Where the others are, they are used.
BUILDS = {"node": _node} | {
    name: build for name, build in (("go", _go), ("javac", _java)) if shutil.which(name)
}


class Keys(BaseHTTPRequestHandler):
    jwks: dict
    status = 200
    fetched: list

    def do_GET(self):
        self.fetched.append(self.path)
        body = json.dumps(self.jwks).encode()
        self.send_response(self.status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Elsewhere:
    """A verifier that runs: a header in, a verdict out."""

    def __init__(self, process):
        self._process = process

    def verdicts(self, headers):
        lines = [base64.b64encode(header.encode("utf-8", "surrogatepass")) + b"\n" for header in headers]
        writer = threading.Thread(target=self._write, args=(lines,))
        writer.start()
        verdicts = [self._process.stdout.readline().decode().strip() for _ in lines]
        writer.join()
        return verdicts

    def _write(self, lines):
        self._process.stdin.writelines(lines)
        self._process.stdin.flush()


@pytest.fixture
def kit():
    return Kit.issue(issuer=ISSUER, audience=AUDIENCE, now=int(time.time()))


@pytest.fixture(params=BUILDS)
def elsewhere(request, tmp_path, kit):
    if request.param == "node" and shutil.which("node") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Node is missing: scripts/test-tools.sh installs it")
        pytest.skip("Node is missing")
    command = BUILDS[request.param](tmp_path)
    keys = type("TheseKeys", (Keys,), {"jwks": kit.jwks, "fetched": []})
    with (
        serving(keys) as origin,
        subprocess.Popen(
            [*command, ISSUER, AUDIENCE, f"{origin}/jwks.json"],
            cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        ) as process,
    ):  # fmt: skip
        running = Elsewhere(process)
        running.name, running.keys = request.param, keys
        yield running
        process.stdin.close()


def test_no_hostile_token_gets_through_and_good_ones_do(elsewhere, kit):
    rows, headers = [], []
    for attack in ON_ACCESS_TOKENS:
        now = kit.at(int(time.time()))
        token = attack.forge(now)
        if isinstance(token, str):
            rows += [attack, None]
            headers += [f"Bearer {token}", f"Bearer {now.good}"]
    verdicts = elsewhere.verdicts(headers)
    assert not [verdict for verdict in verdicts if verdict.startswith("unknown")]
    between = {verdict for row, verdict in zip(rows, verdicts, strict=True) if row is None}
    assert between == {"accepted user-1"}
    through = {
        row.id
        for row, verdict in zip(rows, verdicts, strict=True)
        if row is not None and row.verdict == "reject" and verdict != "refused"
    }
    assert not through
    assert len(rows) > 800


_LAST = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.mark.parametrize(
    ("claims", "verdict"),
    [
        ({"iat": 3, "exp": 60}, "accepted user-1"),
        ({"iat": 60, "exp": 120}, "refused"),
        ({"iat": -30, "exp": 31}, "refused"),
        ({"iat": -30, "exp": 30}, "accepted user-1"),
    ],
    ids=["a little early", "of the future", "of a longer life", "just as long as it may be"],
)
def test_times_are_those_of_an_inside_jwt(claims, verdict, elsewhere, kit):
    now = int(time.time())
    given = {name: now + seconds for name, seconds in claims.items()}
    token = kit.token(claims=kit.claims(**given, nbf=now - 60))
    assert elsewhere.verdicts([f"Bearer {token}"]) == [verdict]


def test_a_token_has_one_spelling(elsewhere, kit):
    # The last character of 64 bytes stands for two bits; what its other four say, a careless reader drops.
    other = kit.good[:-1] + _LAST[_LAST.index(kit.good[-1]) + 1]
    assert elsewhere.verdicts([f"Bearer {other}"]) == ["refused"]


def test_of_a_name_that_is_there_twice_the_last_counts_or_it_is_refused(elsewhere, kit):
    claims = json.dumps(kit.claims()).encode()
    twice = claims.replace(b'"sub": "user-1"', b'"sub": "first", "sub": "last"')
    assert twice != claims
    expected = "refused" if elsewhere.name == "javac" else "accepted last"
    assert elsewhere.verdicts([f"Bearer {kit.token(claims=twice)}"]) == [expected]


HEADERS = ["", "Bearer", "Basic YTpi", "Bearer {good} ", "bearer {good}, Bearer {good}"]


@pytest.mark.parametrize("header", HEADERS)
def test_one_bearer_token_it_must_be(header, elsewhere, kit):
    assert elsewhere.verdicts([header.replace("{good}", kit.good)]) == ["refused"]


def test_keys_that_cannot_be_had_are_no_verdict_on_the_token(elsewhere, kit):
    elsewhere.keys.status = 503
    assert elsewhere.verdicts([f"Bearer {kit.good}"])[0].startswith("unknown")
    elsewhere.keys.status = 200
    assert elsewhere.verdicts([f"Bearer {kit.good}"]) == ["accepted user-1"]


def test_keys_are_kept_and_a_flood_of_unknown_ones_fetches_them_not_again(elsewhere, kit):
    unknown = kit.token(header=kit.header(kid="nobody's"))
    started = time.monotonic()
    assert elsewhere.verdicts([f"Bearer {kit.good}"] * 50) == ["accepted user-1"] * 50
    assert elsewhere.verdicts([f"Bearer {unknown}"] * 200) == ["refused"] * 200
    assert len(elsewhere.keys.fetched) <= 2 + (time.monotonic() - started)


def test_a_withdrawn_key_is_forgotten(elsewhere, kit):
    assert elsewhere.verdicts([f"Bearer {kit.good}"]) == ["accepted user-1"]
    elsewhere.keys.jwks = {"keys": []}
    time.sleep(1.1)  # within a second nothing is fetched
    unknown = kit.token(header=kit.header(kid="nobody's"))
    assert elsewhere.verdicts([f"Bearer {unknown}", f"Bearer {kit.good}"]) == ["refused", "refused"]
