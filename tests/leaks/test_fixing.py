"""What becomes of a line with a secret, language by language; and what is left to people."""

import ast
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenward.base.references import parse
from tokenward.leaks.fixing.names import name_for
from tokenward.leaks.fixing.proposing import propose
from tokenward.leaks.fixing.shown import changes
from tokenward.leaks.fixing.spot import ByHand, locate, read

SECRET = "correct-horse-battery-staple"

# File, reference, line before (§ is the secret), what it becomes.
LINES = [
    ("a.py", "env:K", 'x = "§"', 'import os\n\nx = os.environ["K"]'),
    ("a.py", "keyring:shop/K", "x = '§'", 'import keyring\n\nx = keyring.get_password("shop", "K")'),
    ("a.py", "env:K", 'x = b"§"', 'import os\n\nx = os.environ["K"].encode()'),
    ("a.py", "env:K", 'f("Bearer §", 1)', 'import os\n\nf(("Bearer " + os.environ["K"]), 1)'),
    ("a.py", "env:K", "f(rb'a§b')", "import os\n\nf((rb'a' + os.environ[\"K\"].encode() + rb'b'))"),
    ("a.py", "env:K", 'x = 1  # it was "§"', 'x = 1  # it was "env:K"'),
    ("a.py", "file:/p/k", 'x = "§"',
     'from pathlib import Path\n\nx = Path("/p/k").read_text(encoding="utf-8").strip()'),
    ("a.py", "cmd:pass show k", 'x = "§"',
     ("import shlex\nimport subprocess\n\nx = subprocess.run(shlex.split("
      '"pass show k"), capture_output=True, check=True, text=True).stdout.strip()')),
    ("a.js", "env:K", 'const x = "§";', "const x = process.env.K;"),
    ("a.ts", "env:K", 'const x = "§";', "const x = process.env.K!;"),
    ("a.js", "env:K", "f(`Bearer §`)", "f(`Bearer ${process.env.K}`)"),
    ("a.js", "env:K", "f('Bearer §')", "f(('Bearer ' + process.env.K))"),
    ("a.js", "keyring:shop/K", 'x = "§"',
     ('x = require("node:child_process").execFileSync("keyring", ["get", "shop", "K"], '
      '{ encoding: "utf8" }).trim()')),
    ("a.mjs", "file:/p/k", 'x = "§"',
     'import { readFileSync } from "node:fs";\nx = readFileSync("/p/k", "utf8").trim()'),
    ("a.sh", "env:K", "K=§", 'K="${K:?}"'),
    ("a.sh", "env:K", "curl -H 'Bearer §' x", "curl -H 'Bearer '\"${K:?}\" x"),
    ("a.sh", "env:K", "echo '§' '-§-'", "echo '§' '-'\"${K:?}\"'-'"),
    ("a.sh", "keyring:shop/K", 'curl -H "Bearer §"', 'curl -H "Bearer $(keyring get shop K)"'),
    ("a.sh", "cmd:pass show k", "K=§", 'K="$(pass show k)"'),
    ("a.sh", "file:/p/my k", "K='§'", "K=\"$(cat '/p/my k')\""),
    ("a.sh", "env:K", "cat <<END\nk: §\nEND", "cat <<END\nk: ${K:?}\nEND"),
    (".env", "keyring:shop/K", "A=1\nexport API_KEY='§' # live\nB=2",
     "A=1\n# API_KEY: from keyring:shop/K\nB=2"),
    ("prod.env", "env:API_KEY", "API_KEY=§", "# API_KEY: from the environment"),
    ("tokenward.yaml", "keyring:shop/K", "password: §", "password: keyring:shop/K"),
    ("c.yaml", "env:K", "a: {password: '§', b: 1}", "a: {password: 'env:K', b: 1}"),
    ("compose.yml", "keyring:shop/K", "    PASSWORD: §", "    PASSWORD: ${K:?}"),
    (".github/workflows/ci.yml", "keyring:shop/K", "env:\n  T: §", "env:\n  T: ${{ secrets.K }}"),
    (".gitlab-ci.yml", "keyring:shop/K", "variables:\n  T: §", "variables:\n  T: $K"),
    ("application.properties", "keyring:shop/K", "spring.password=§", "spring.password=${K}"),
    ("c.json", "keyring:shop/K", '{"a": "§", "b": [1]}', '{"a": "keyring:shop/K", "b": [1]}'),
    ("c.json", 'file:/p/"k', '{"a": "§"}', '{"a": "file:/p/\\"k"}'),
    ("c.toml", "env:K", '[a]\nk = "§"', '[a]\nk = "env:K"'),
    ("c.ini", "env:K", "[a]\nk = §", "[a]\nk = env:K"),
    (".npmrc", "env:K", "//r/:_authToken=§", "//r/:_authToken=${K}"),
    ("Dockerfile", "env:K", "FROM x\nENV API_KEY=§", "FROM x\n# API_KEY: given by docker run --env API_KEY"),
    ("Dockerfile", "env:K", 'ENV A=1 API_KEY="§" B=2',
     "# API_KEY: given by docker run --env API_KEY\nENV A=1 B=2"),
    ("Dockerfile", "env:K", "ARG API_KEY=§", "# API_KEY: RUN --mount=type=secret,id=API_KEY,env=API_KEY"),
    ("a.tf", "env:K", '  token = "§"\n',
     '  token = var.k\n\nvariable "k" {\n  type      = string\n  sensitive = true\n}\n'),
    ("a.tf", "env:K", 'x = "a§"\nvariable "k" {}', 'x = "a${var.k}"\nvariable "k" {}'),
    ("a.tfvars", "env:K", 'token = "§"', "# token: given as TF_VAR_token"),
    ("A.java", "keyring:shop/K", '  x("Bearer §");', '  x(("Bearer " + System.getenv("K")));'),
    ("a.kt", "env:K", 'val x = "§"', 'val x = System.getenv("K")'),
    ("a.cs", "env:K", 'var x = "§";', 'var x = Environment.GetEnvironmentVariable("K");'),
    ("a.rb", "env:K", "x = '§'", 'x = ENV.fetch("K")'),
    ("a.php", "env:K", "$x = 'Bearer §';", "$x = ('Bearer ' . getenv('K'));"),
    ("a.go", "env:K", 'package a\n\nconst k = "§"\n', 'package a\n\nimport "os"\n\nvar k = os.Getenv("K")\n'),
    ("a.go", "env:K", 'package a\n\nimport (\n\t"os"\n)\n\nvar k = `§`',
     'package a\n\nimport (\n\t"os"\n)\n\nvar k = os.Getenv("K")'),
    ("a.go", "env:K", 'package a\nimport (\n\t"fmt"\n)\nvar k = "§"',
     'package a\nimport (\n\t"os"\n\t"fmt"\n)\nvar k = os.Getenv("K")'),
    ("deploy", "env:K", "#!/bin/bash\nK=§", '#!/bin/bash\nK="${K:?}"'),
]  # fmt: skip


def proposed(path, text, reference, name="K"):
    content = text.replace("§", SECRET).encode()
    # The last one, as a plan takes them.
    line = content[: content.rfind(SECRET.encode())].count(b"\n") + 1
    column = len(content.split(b"\n")[line - 1].rpartition(SECRET.encode())[0].decode()) + 1
    source = read(content)
    spot = locate(path, source, line, column, SECRET.encode())
    return propose(spot, source, parse(reference), name)


@pytest.mark.parametrize(
    ("path", "reference", "before", "after"), LINES, ids=[f"{n}-{row[0]}" for n, row in enumerate(LINES)]
)
def test_a_line_becomes_one_that_reads_the_secret_from_its_place(path, reference, before, after):
    done = proposed(path, before, reference)
    assert done.content.decode() == after.replace("§", SECRET)


# File, text, a part of what is said.
LEFT = [
    ("a.py", '"""Once\n"§" it was\n"""', "several lines"),
    ("a.py", 'x = "a" "§"', "could not with the line rewritten"),
    ("a.py", 'match x:\n    case "§": pass', "could not with the line rewritten"),
    ("a.py", 'print "§"', "cannot read the file"),
    ("a.py", 'os = 1\nx = "§"', "means something else"),
    ("a.py", 'x = """§"""', "three quotes"),
    ("a.js", 'window.fetch("§")', "browser"),
    ("a.js", 'x = {\n  "§": 1 }', "name of a property"),
    ("a.js", "x = `${f('§')}`", "inside of a string"),
    ("a.js", "html`§`", "with a tag"),
    ("a.js", "x = '\\§'", "A backslash"),
    ("a.sh", 'x="\\§"', "A backslash"),
    ("a.jsx", '<A key="§" />', "JSX"),
    ("dist/app.min.js", 'x="§"', "a browser application"),
    ("a.sh", "cat <<'END'\n§\nEND", "end is quoted"),
    ("a.sh", "x=$'§'", "form"),
    (".env", "URL=https://a:§@b", "only a part"),
    ("c.yaml", "{{ if }}\na: §", "templates cannot"),
    ("c.yaml", "a: §\nb: {\n", "cannot be read"),
    ("Dockerfile", 'RUN curl -H "Bearer §"', "layers"),
    ("Dockerfile", "ENV URL=https://§@host", "layers"),
    ("a.tf", 'variable "x" {\n  default = "§"\n}', "default of a variable"),
    ("A.java", '@Value("§")', "constants only"),
    ("a.cs", 'x = $"§"', "special kind"),
    ("a.kt", 'x = """§"""', "special kind"),
    ("a.go", 'package a\nconst (\n\tk = "§"\n)', "constant"),
    ("a.go", 'var k = "§"', "package clause"),
    ("notes.txt", "§", "no idiom"),
]


@pytest.mark.parametrize(("path", "text", "why"), LEFT, ids=[f"{n}-{row[0]}" for n, row in enumerate(LEFT)])
def test_what_is_not_sure_to_be_right_is_left_to_people(path, text, why):
    with pytest.raises(ByHand, match=why) as caught:
        proposed(path, text, "env:K")
    assert SECRET not in caught.value.why + caught.value.write


PYTHON = [
    "'''Doc.'''\nx = '§'\n",
    "from __future__ import annotations\nx = '§'\n",
    "#!/usr/bin/env python3\n# A licence.\n\nx = '§'\n",
    "'''Doc.'''\n\nimport abc\nimport zlib\nfrom re import sub\n\nx = '§'\n",
    "import os\nx = '§'\n",
    "from a import b\nx = '§'\n",
    "def f(x='§'):\n    return x\n",
]


@pytest.mark.parametrize("text", PYTHON, ids=range(len(PYTHON)))
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_an_import_goes_where_python_wants_it_and_lines_end_as_they_did(text, ending):
    done = proposed("a.py", text.replace("\n", ending), "env:K").content.decode()
    tree = ast.parse(done)
    imports = [node for node in tree.body if isinstance(node, ast.Import) and node.names[0].name == "os"]
    assert len(imports) == 1
    assert ast.get_docstring(tree) == ast.get_docstring(ast.parse(text))
    assert done.count("\n") == done.count(ending)
    assert "\n\n\n" not in done.replace("\r", "")
    if text.startswith("#!"):
        assert done.startswith("#!")


AROUND = [
    '"', "'", "`", "\\", "#", "//", "/*", "=", ": ", "{", "}", "${", "(", ")", "[", "]",
    ",", " ", "\t", "\n", "\r\n", "x", "é", "f", "- ", '"""',
    "<<EOF", "EOF", "ENV ", "const ", "import (", "package a\n",
]  # fmt: skip
ODD = st.lists(st.sampled_from(AROUND), max_size=12).map("".join)
PATHS = sorted({path for path, *_ in LINES})


@given(st.sampled_from(PATHS), ODD, ODD, st.sampled_from(["env:K", "cmd:a 'b'"]))
@settings(max_examples=500)
def test_whatever_stands_around_it_the_secret_goes_or_it_is_left_to_people(path, before, after, reference):
    try:
        done = proposed(path, f"{before}§{after}", reference)
    except ByHand:
        return
    assert SECRET.encode() not in done.content


def test_a_document_in_which_more_would_change_is_left_alone():
    with pytest.raises(ByHand, match="Another value would change"):
        proposed("c.yaml", "a: {b: §}", "cmd:printf a, b: c")


def test_imports_are_put_in_order():
    done = proposed("a.py", PYTHON[3], "env:K").content.decode()
    assert done.startswith("'''Doc.'''\n\nimport abc\nimport os\nimport zlib\nfrom re import sub\n\n")
    assert (
        "import zlib\nfrom pathlib import Path\nfrom re"
        in proposed("a.py", PYTHON[3], "file:/k").content.decode()
    )


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-8"])
def test_a_file_keeps_its_encoding_and_its_mark(encoding):
    text = f"\ufeff// ä\r\nconst k = '{SECRET}';\r\n"
    content = text.encode(encoding)
    source = read(content)
    spot = locate("a.js", source, 2, 12, SECRET.encode())
    done = propose(spot, source, parse("env:K"), "K").content
    assert done.decode(encoding) == "\ufeff// ä\r\nconst k = process.env.K;\r\n"


def test_bytes_that_are_no_utf_8_stay_what_they_are():
    content = b"# caf\xe9\nK=" + SECRET.encode() + b" # \xff\n"
    source = read(content)
    done = propose(locate("a.sh", source, 2, 3, SECRET.encode()), source, parse("env:K"), "K")
    assert done.content == b'# caf\xe9\nK="${K:?}" # \xff\n'


def test_what_is_no_text_is_not_edited():
    with pytest.raises(ByHand, match="no text"):
        read(b"a\0b")


def test_a_place_that_moved_is_not_taken_for_another():
    source = read(f"x\n  {SECRET}\n".encode())
    assert locate("a", source, 2, 3, SECRET.encode()).start == 4
    for line, column in ((1, 3), (2, 1), (3, 1), (9, 3)):
        with pytest.raises(ByHand):
            locate("a", source, line, column, SECRET.encode())


@pytest.mark.parametrize(
    ("before", "name"),
    [
        ("api_key = '", "API_KEY"),
        ('"apiKey": "', "API_KEY"),
        ("const STRIPE_SECRET_KEY = `", "STRIPE_SECRET_KEY"),
        ("settings.db.password=", "PASSWORD"),
        ("  githubToken: ", "GITHUB_TOKEN"),
        ("curl --api-key ", "API_KEY"),
        ('{"Authorization": "Bearer ', ""),
        ("x = '", ""),
        ("PATH = '", ""),
    ],
)
def test_a_secret_is_called_as_on_its_line_if_that_says_anything(before, name):
    source = read((before + SECRET).encode())
    assert name_for(locate("a", source, 1, len(before) + 1, SECRET.encode())) == name


def test_a_diff_shows_what_changes_and_no_secret():
    text = "\n".join([f"line {n}" for n in range(30)])
    before = (
        text.replace("line 9", f"other = '{SECRET}-2'")
        .replace("line 11", f"k = '{SECRET}'")
        .replace("line 13", "encoded")
    )
    after = "import os\n" + before.replace(f"'{SECRET}'", 'os.environ["K"]')
    hidden = {SECRET: "corr…", f"{SECRET}-2": "othe…"}
    lines = list(changes(before, after, hidden=hidden, unseen={14}))
    assert lines == [
        "+import os", " line 0", " line 1", "@@", " other = 'othe…'", " line 10", "-k = 'corr…'",
        '+k = os.environ["K"]', " line 12", " …",
    ]  # fmt: skip


def test_a_long_line_is_cut_around_what_changes_and_never_through_a_secret():
    before = "x" * 300 + f" k = '{SECRET}' " + "y" * 300
    after = before.replace(f"'{SECRET}'", "env.K")
    shown = list(changes(before, after, hidden={SECRET: "c…"}, unseen=set()))
    assert [line[:2] for line in shown] == ["-…", "+…"]
    assert "k = 'c…'" in shown[0]
    assert "k = env.K" in shown[1]
    assert all(len(line) < 180 for line in shown)
    for at in range(250, 345):
        odd = "x" * at + SECRET + "y" * 200
        shown = "".join(changes(odd, "x" * at + "z" + "y" * 200, hidden={SECRET: "c…"}, unseen=set()))
        assert not any(SECRET[n : n + 6] in shown for n in range(len(SECRET) - 6)), at


# That what is written works, where the language is there.

RUN = {
    "a.py": ([sys.executable], "print('§')"),
    "a.sh": (["sh"], "echo '§'; echo \"§\" > /dev/null"),
    "a.js": (["node"], "console.log('§')"),
    "a.mjs": (["node"], "import 'node:os';\nconsole.log(`§`)"),
}


@pytest.mark.parametrize("path", RUN)
@pytest.mark.parametrize("kind", ["env", "file", "cmd"])
def test_what_is_written_reads_the_secret(tmp_path, path, kind):
    program, text = RUN[path]
    if shutil.which(program[0]) is None:
        pytest.skip(f"there is no {program[0]}")
    (tmp_path / "k").write_text("from its place\n")
    reference = {"env": "env:K", "file": f"file:{tmp_path / 'k'}", "cmd": f"cmd:cat {tmp_path / 'k'}"}[kind]
    for _ in range(text.count("§")):
        text = proposed(path, text, reference).content.decode().replace(SECRET, "§")
    (tmp_path / path).write_text(text)
    done = subprocess.run(
        [*program, tmp_path / path],
        env={"PATH": "/usr/bin:/bin", "K": "from its place"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "from its place\n", done.stderr
