"""One token of ours, in what people build, ship, export and paste: it is found in all of it."""

import base64
import gzip
import importlib.util
import json
import marshal
import plistlib
import struct
import zipfile
import zlib
from collections.abc import Callable

import pytest
import zstandard

from leaks.containers import FAMILIES, archived, cpio, docx, git_pack, pdf, rpm, sqlite, tarred, zipped
from leaks.encodings import ENCODINGS, b64, wrapped
from tokenward.leaks.blob import Blob
from tokenward.leaks.detection.engine import Engine
from tokenward.leaks.rulebook.loading import load
from tokenward.leaks.rulebook.matching import detectors_of
from tokenward.leaks.searching import Searcher
from tokenward.leaks.sighting import Sighting
from tokenward.leaks.unpacking.decoding import DECODERS
from tokenward.tokens import opaque

TOKEN = opaque.new("at").secret.reveal()
RULE = "tokenward-access-token"


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def office(namespace: str, body: str) -> bytes:
    return f'<?xml version="1.0"?>\n<r xmlns:x="{namespace}">{body}</r>'.encode()


def layer(**files: bytes) -> bytes:
    return gzip.compress(tarred({name.replace("__", "/"): data for name, data in files.items()}))


def image(layers: list[bytes], config: object) -> bytes:
    """What `docker save` writes."""
    names = [f"blobs/sha256/{at:064x}" for at in range(len(layers))]
    manifest = [{"Config": "config.json", "RepoTags": ["a:1"], "Layers": names}]
    files = {"manifest.json": json.dumps(manifest).encode(), "config.json": json.dumps(config).encode()}
    return tarred({**files, **dict(zip(names, layers, strict=True))})


def java_class(text: str) -> bytes:
    constant = b"\x01" + struct.pack(">H", len(text)) + text.encode()
    return b"\xca\xfe\xba\xbe\0\0\0\x34\0\2" + constant + bytes(40)


def dalvik(text: str) -> bytes:
    string = bytes([len(text)]) + text.encode() + b"\0"
    return b"dex\n035\0".ljust(0x38, b"\0") + struct.pack("<3I", 1, 0x40, 0x44) + string


def string_pool(*strings: str, utf8: bool = False) -> bytes:
    """Android's binary XML."""
    if utf8:
        pooled = [bytes([len(each)]) * 2 + each.encode() + b"\0" for each in strings]
    else:
        pooled = [struct.pack("<H", len(each)) + wide(each) + b"\0\0" for each in strings]
    offsets = [sum(map(len, pooled[:at])) for at in range(len(pooled))]
    start = 28 + 4 * len(strings)
    head = struct.pack("<2H6I", 1, 28, 0, len(strings), 0, 0x100 if utf8 else 0, start, 0)
    pool = head + struct.pack(f"<{len(strings)}I", *offsets) + b"".join(pooled)
    return b"\3\0\x08\0" + struct.pack("<I", 8 + len(pool)) + pool


def asar(files: dict[str, bytes]) -> bytes:
    header = json.dumps({"files": {name: {"size": len(data)} for name, data in files.items()}}).encode()
    return (
        struct.pack("<4I", 4, len(header) + 8, len(header) + 4, len(header))
        + header
        + b"".join(files.values())
    )


def source_map(text: str) -> str:
    return json.dumps({"version": 3, "sources": ["a.ts"], "sourcesContent": [text], "mappings": "AAAA"})


def halves(token: str) -> tuple[str, str]:
    return token[:20], token[20:]


def helm(token: str) -> bytes:
    release = gzip.compress(json.dumps({"config": {"token": token}}).encode())
    return (
        b"apiVersion: v1\nkind: Secret\ndata:\n  release: "
        + b64(b64(release))
        + b"\ntype: helm.sh/release.v1\n"
    )


def har(token: str) -> bytes:
    content = {"encoding": "base64", "text": b64(json.dumps({"access_token": token}).encode()).decode()}
    return json.dumps({"log": {"entries": [{"response": {"content": content}}]}}).encode()


def terraform(token: str) -> bytes:
    return json.dumps(
        {"resources": [{"attributes": {"policy": json.dumps({"token": token})}}]}, indent=1
    ).encode()


def mail_with_archive(token: str) -> bytes:
    attachment = base64.encodebytes(zipped({"secrets.env": b"T=" + token.encode()}))
    return (
        b"From: a@example.com\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
        b'Content-Type: application/zip; name="a.zip"\nContent-Transfer-Encoding: base64\n\n'
        + attachment
        + b"--b--\n"
    )


WORD = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
ARTIFACTS: dict[str, Callable[[str, bytes], tuple[str, bytes]]] = {
    "Python wheel": lambda _, b: ("a.whl", zipped({"a/settings.py": b"T='" + b + b"'"})),
    "Python sdist": lambda _, b: ("a.tar.gz", gzip.compress(tarred({"a-1/a.py": b}))),
    "Python bytecode": lambda s, _: (
        "a.pyc",
        importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(compile(f"t = '{s}'", "a", "exec")),
    ),
    "Python zip application": lambda _, b: ("a.pyz", b"#!/usr/bin/python3\n" + zipped({"__main__.py": b})),
    "jar": lambda s, _: ("a.jar", zipped({"A.class": java_class(s)})),
    "war with a jar": lambda s, _: (
        "a.war",
        zipped({"WEB-INF/lib/a.jar": zipped({"A.class": java_class(s)})}),
    ),
    "apk, code": lambda s, _: ("a.apk", zipped({"classes.dex": dalvik(s)})),
    "apk, resources": lambda s, _: ("a.apk", zipped({"res/values.xml": string_pool("api", s, "x")})),
    "apk, resources in UTF-8": lambda s, _: (
        "a.apk",
        zipped({"res/values.xml": string_pool("api", s, "x", utf8=True)}),
    ),
    "ipa, property list": lambda s, _: (
        "a.ipa",
        zipped({"Payload/A.app/Info.plist": plistlib.dumps({"K": "ü" + s}, fmt=plistlib.FMT_BINARY)}),
    ),
    "NuGet package": lambda s, _: (
        "a.nupkg",
        zipped({"lib/a.dll": b"MZ\x90\0" + bytes(64) + wide(s) + bytes(9)}),
    ),
    "Windows program, resources": lambda s, _: ("a.exe", b"MZ\x90\0" + bytes(100) + wide(s) + b"\0\0"),
    "Linux program": lambda _, b: ("a.out", b"\x7fELF\2\1\1" + bytes(99) + b + bytes(99)),
    "WebAssembly": lambda _, b: ("a.wasm", b"\0asm\1\0\0\0" + b),
    "browser extension": lambda _, b: (
        "a.crx",
        b"Cr24" + struct.pack("<2I", 3, 4) + b"abcd" + zipped({"a.js": b}),
    ),
    "Electron application": lambda _, b: (
        "app.asar",
        asar({"main.js": b"x", "config.js": b"t='" + b + b"'"}),
    ),
    "JavaScript bundle": lambda s, _: ("app.js", b"!function(){" * 9000 + b'"%s"+"%s"' % halves(s.encode())),
    "source map": lambda s, _: (
        "app.js.map",
        source_map(f'a = "{halves(s)[0]}" +\n    "{halves(s)[1]}"').encode(),
    ),
    "source map, inline": lambda s, _: (
        "app.js",
        b"x()\n//# sourceMappingURL=data:application/json;base64," + b64(source_map(f"k = '{s}'").encode()),
    ),
    "container image, a file": lambda _, b: ("i.tar", image([layer(a=b"x"), layer(app__env=b)], {})),
    "container image, a file deleted later": lambda _, b: (
        "i.tar",
        image([layer(app__env=b), layer(**{"app__.wh.env": b""})], {}),
    ),
    "container image, environment": lambda s, _: ("i.tar", image([], {"config": {"Env": [f"T={s}"]}})),
    "container image, build argument": lambda s, _: (
        "i.tar",
        image([], {"history": [{"created_by": f"|1 T={s} sh"}]}),
    ),
    "container image, zstd": lambda _, b: ("i.tar", image([zstandard.compress(tarred({"a": b}))], {})),
    "container image, a package in it": lambda _, b: (
        "i.tar",
        image([layer(opt__a_whl=zipped({"a.py": b}))], {}),
    ),
    "container image, a repository in it": lambda _, b: (
        "i.tar",
        image([layer(git__pack=git_pack(b, b"y"))], {}),
    ),
    "Debian package": lambda _, b: (
        "a.deb",
        archived({"debian-binary": b"2.0\n", "control.tar.gz": layer(postinst=b"#!/bin/sh\nT=" + b)}),
    ),
    "RPM package": lambda _, b: ("a.rpm", rpm(gzip.compress(cpio({"./etc/a.conf": b})))),
    "Alpine package": lambda _, b: ("a.apk", layer(PKGINFO=b"x") + gzip.compress(tarred({"etc/a": b}))),
    "git object": lambda _, b: (".git/objects/ab/cdef", zlib.compress(b"blob %d\0" % len(b) + b)),
    "git pack": lambda _, b: ("a.pack", git_pack(b"first", b)),
    "git bundle": lambda _, b: ("a.bundle", b"# v2 git bundle\nf00 HEAD\n\n" + git_pack(b, b"last")),
    "Word document": lambda _, b: ("a.docx", docx(b[:9], b[9:30], b[30:])),
    "Excel workbook": lambda s, _: (
        "a.xlsx",
        zipped(
            {"xl/sharedStrings.xml": office(WORD, f"<si><r><t>{s[:9]}</t></r><r><t>{s[9:]}</t></r></si>")}
        ),
    ),
    "PowerPoint slides": lambda s, _: (
        "a.pptx",
        zipped(
            {
                "ppt/slides/slide1.xml": office(
                    "http://schemas.openxmlformats.org/drawingml/2006/main",
                    f"<a:p><a:r><a:t>{s[:9]}</a:t></a:r><a:r><a:t>{s[9:]}</a:t></a:r></a:p>",
                )
            }
        ),
    ),
    "OpenDocument text": lambda s, _: (
        "a.odt",
        zipped(
            {
                "content.xml": office(
                    "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
                    f"<text:p><text:span>{s[:9]}</text:span>{s[9:]}</text:p>",
                )
            }
        ),
    ),
    "PDF": lambda s, _: ("a.pdf", pdf(f"BT ({s[:30]}) Tj ({s[30:]}) Tj ET".encode())),
    "Jupyter notebook": lambda s, _: (
        "a.ipynb",
        json.dumps(
            {"cells": [{"cell_type": "code", "source": [f't = "{s[:9]}" \\\n', f'    "{s[9:]}"']}]}
        ).encode(),
    ),
    "SQLite": lambda s, _: (
        "a.db",
        sqlite(
            ("PRAGMA encoding='UTF-16be'", ()), ("CREATE TABLE t (k)", ()), ("INSERT INTO t VALUES (?)", (s,))
        ),
    ),
    "mail with an archive": lambda s, _: ("a.eml", mail_with_archive(s)),
    "Kubernetes secret": lambda _, b: ("s.yaml", b"kind: Secret\ndata:\n  t: " + b64(b) + b"\n"),
    "Helm release": lambda s, _: ("s.yaml", helm(s)),
    "Terraform state": lambda s, _: ("a.tfstate", terraform(s)),
    "HTTP archive": lambda s, _: ("a.har", har(s)),
    "PowerShell script": lambda s, _: ("a.ps1", b"powershell -enc " + b64(wide(f"$t = '{s}'"))),
    "registry file": lambda s, _: (
        "a.reg",
        'Windows Registry Editor Version 5.00\r\n"t"=hex(2):'.encode("utf-16") + wide(wide(s).hex(",")),
    ),
    "UTF-16 log": lambda s, _: ("a.log", f"first\r\ntoken {s}\r\n".encode("utf-16")),
    "log, compressed": lambda _, b: ("a.log.1.gz", gzip.compress(b"GET /?t=" + b)),
    "cloud-init data": lambda _, b: (
        "user-data",
        b"write_files:\n- encoding: gz+b64\n  content: |\n"
        + wrapped(b64(gzip.compress(b"t: " + b)), 60, b"    "),
    ),
    "URL in a URL": lambda s, _: (
        "a.txt",
        f"https://x/?u=https%3A%2F%2Fy%2F%3Ft%3D{s.replace('_', '%255F')}".encode(),
    ),
    "base64, three times": lambda _, b: ("a.txt", b64(b64(b64(b)))),
    "gzip in base64 in hex": lambda _, b: ("a.txt", b64(gzip.compress(b)).hex().encode()),
    "base64 in a document in an archive": lambda _, b: (
        "a.zip",
        zipped({"a.docx": docx(b64(b)[:40], b64(b)[40:])}),
    ),
    "archive behind a picture": lambda _, b: (
        "a.gif",
        b"GIF89a" + bytes(50) + zipped({"a": b}, zipfile.ZIP_STORED),
    ),
}


@pytest.fixture(scope="module")
def search() -> Searcher:
    return Searcher(Engine(detectors_of(load()), DECODERS))


def sightings(search: Searcher, name: str, data: bytes) -> list[Sighting]:
    return [
        each
        for each in search(Blob(name, data))
        if isinstance(each, Sighting) and each.secret == TOKEN.encode()
    ]


@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_a_token_is_found_in_an_artifact(artifact: str, search: Searcher):
    name, data = ARTIFACTS[artifact](TOKEN, TOKEN.encode())
    found = sightings(search, name, data)
    assert {one.rule for one in found} == {RULE}
    assert all(one.path.split("!")[0] == name for one in found)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_token_is_found_encoded_in_a_container(family: str, search: Searcher):
    name, data = FAMILIES[family](base64.b64encode(TOKEN.encode()))
    assert "base64" in {each for one in sightings(search, name, data) for each in one.decoded}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_token_is_found_encoded_in_a_compressed_archive(encoding: str, search: Searcher):
    data = gzip.compress(tarred({"a/b.txt": ENCODINGS[encoding](TOKEN.encode())}))
    found = sightings(search, "a.tgz", data)
    assert {one.path for one in found} == {"a.tgz!a/b.txt"} or encoding == "base64, of zip"
    assert all(one.decoded for one in found)
