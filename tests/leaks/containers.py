"""Builds one container of each family around a secret; what tests and fuzz targets begin with."""

import base64
import bz2
import gzip
import hashlib
import io
import json
import lzma
import plistlib
import sqlite3
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing

import zstandard


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.comment = comment
    return out.getvalue()


def streamed_zip(secret: bytes) -> bytes:
    """Sizes stand behind the members only, as a program writes it that cannot go back."""

    class Forward(io.RawIOBase):
        def __init__(self) -> None:
            self.out = b""

        def writable(self) -> bool:
            return True

        def write(self, data) -> int:
            self.out += bytes(data)
            return len(data)

    out = Forward()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"first")
        archive.writestr("b.txt", secret)
    return out.out


def tarred(members: dict[str, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def archived(members: dict[str, bytes]) -> bytes:
    """An ar archive."""
    out = b"!<arch>\n"
    for name, data in members.items():
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data
        out += b"\n" * (len(data) % 2)
    return out


def cpio(members: dict[str, bytes]) -> bytes:
    out = b""
    for name, data in {**members, "TRAILER!!!": b""}.items():
        fields = [1, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        out += b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    return out


def odc(members: dict[str, bytes]) -> bytes:
    out = b""
    for name, data in {**members, "TRAILER!!!": b""}.items():
        out += b"070707" + b"%06o" % 1 * 2 + b"%06o" % 0o100644 + b"%06o" % 0 * 4 + b"%011o" % 0
        out += b"%06o" % (len(name) + 1) + b"%011o" % len(data) + name.encode() + b"\0" + data
    return out


def rpm(payload: bytes) -> bytes:
    def header(data: bytes) -> bytes:
        return b"\x8e\xad\xe8\x01" + bytes(4) + struct.pack(">2I", 1, len(data)) + bytes(16) + data

    signature = header(b"signature")
    return (
        b"\xed\xab\xee\xdb".ljust(96, b"\0") + signature + bytes(-len(signature) % 8) + header(b"x") + payload
    )


def sqlite(*statements: tuple[str, tuple[object, ...]]) -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement, values in statements:
            connection.execute(statement, values)
        connection.commit()
        return connection.serialize()


def docx(*runs: bytes) -> bytes:
    text = b"".join(b"<w:r><w:rPr><w:b/></w:rPr><w:t>" + run + b"</w:t></w:r>" for run in runs)
    namespace = b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    document = b'<?xml version="1.0"?><w:document xmlns:w="' + namespace + b'"><w:body><w:p>' + text
    return zipped(
        {"[Content_Types].xml": b"<Types/>", "word/document.xml": document + b"</w:p></w:body></w:document>"}
    )


def pdf(content: bytes) -> bytes:
    stream = zlib.compress(content)
    head = b"%PDF-1.7\n1 0 obj\n<< /Length " + b"%d" % len(stream) + b" /Filter /FlateDecode >>\nstream\n"
    return head + stream + b"\nendstream\nendobj\n%%EOF\n"


def mail(secret: bytes) -> bytes:
    return (
        b"From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        + b"=\r\n".join(secret[at : at + 20] for at in range(0, len(secret), 20))
        + b"\r\n--b\r\nContent-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n"
        b'Content-Disposition: attachment; filename="a.gz"\r\n\r\n'
        + base64.encodebytes(gzip.compress(b"attached " + secret))
        + b"\r\n--b--\r\n"
    )


def _halves(secret: bytes) -> tuple[bytes, bytes]:
    return secret[:20], secret[20:]


def git_pack(*contents: bytes) -> bytes:
    """A pack of blobs, the last one as a delta against the first that only adds bytes."""

    def entry(kind: int, data: bytes, base: bytes = b"") -> bytes:
        size = len(data)
        head = [size & 15 | kind << 4]
        size >>= 4
        while size:
            head[-1] |= 0x80
            head.append(size & 127)
            size >>= 7
        return bytes(head) + base + zlib.compress(data)

    *whole, last = contents
    delta = bytes([1, len(last), len(last)]) + last
    entries = [entry(3, content) for content in whole] + [entry(7, delta, hashlib.sha1(b"x").digest())]
    pack = b"PACK" + struct.pack(">2I", 2, len(entries)) + b"".join(entries)
    return pack + hashlib.sha1(pack).digest()


# By name; each must give the secret back, though its bytes need not hold it.
FAMILIES: dict[str, Callable[[bytes], tuple[str, bytes]]] = {
    "zip, deflated": lambda secret: ("a.zip", zipped({"b/.env": secret})),
    "zip, stored": lambda secret: ("a.zip", zipped({"b/.env": secret}, zipfile.ZIP_STORED)),
    "zip, bzip2": lambda secret: ("a.zip", zipped({"b/.env": secret}, zipfile.ZIP_BZIP2)),
    "zip, lzma": lambda secret: ("a.zip", zipped({"b/.env": secret}, zipfile.ZIP_LZMA)),
    "zip, streamed": lambda secret: ("a.zip", streamed_zip(secret)),
    "zip, comment": lambda secret: ("a.zip", zipped({"a": b"x"}, comment=secret)),
    "zip, behind a program": lambda secret: ("a.exe", b"MZ" + bytes(300) + zipped({"a": secret})),
    "zip, behind a script": lambda secret: (
        "a.pyz",
        b"#!/usr/bin/env python3\n" + zipped({"__main__.py": secret}),
    ),
    "crx": lambda secret: ("a.crx", b"Cr24" + struct.pack("<2I", 3, 8) + bytes(8) + zipped({"a.js": secret})),
    "zip in zip": lambda secret: ("a.war", zipped({"WEB-INF/lib/b.jar": zipped({"c.properties": secret})})),
    "docx, split over runs": lambda secret: ("a.docx", docx(*_halves(secret))),
    "tar, GNU": lambda secret: ("a.tar", tarred({"x/" * 60 + "a": secret})),
    "tar, pax": lambda secret: ("a.tar", tarred({"ü/" * 60 + "a": secret}, tarfile.PAX_FORMAT)),
    "tar, ustar": lambda secret: ("a.tar", tarred({"a": secret}, tarfile.USTAR_FORMAT)),
    "tar.gz": lambda secret: ("a.tgz", gzip.compress(tarred({"a/b": secret}))),
    "tar.bz2": lambda secret: ("a.tbz", bz2.compress(tarred({"a/b": secret}))),
    "tar.xz": lambda secret: ("a.txz", lzma.compress(tarred({"a/b": secret}))),
    "tar.zst": lambda secret: ("a.tzst", zstandard.compress(tarred({"a/b": secret}))),
    "gzip, two members": lambda secret: ("a.log.gz", gzip.compress(b"first\n") + gzip.compress(secret)),
    "zstd, two frames": lambda secret: ("a.zst", zstandard.compress(b"first\n") + zstandard.compress(secret)),
    "lzma alone": lambda secret: ("a.lzma", lzma.compress(secret, lzma.FORMAT_ALONE)),
    "zlib": lambda secret: ("objects/ab", zlib.compress(b"blob 60\0" + secret)),
    "ar": lambda secret: ("a.a", archived({"a.o/": b"odd", "b.o/": secret})),
    "deb": lambda secret: (
        "a.deb",
        archived({"debian-binary": b"2.0\n", "data.tar.xz": lzma.compress(tarred({"./etc/a": secret}))}),
    ),
    "cpio, newc": lambda secret: ("a.cpio", cpio({"etc/a": b"x", "etc/b": secret})),
    "cpio, odc": lambda secret: ("a.cpio", odc({"etc/a": b"x", "etc/b": secret})),
    "rpm": lambda secret: ("a.rpm", rpm(zstandard.compress(cpio({"./etc/a": secret})))),
    "image, a layer's file": lambda secret: (
        "image.tar",
        tarred(
            {"blobs/sha256/" + "ab" * 32: gzip.compress(tarred({"app/.env": secret})), "oci-layout": b"{}"}
        ),
    ),
    "image, environment": lambda secret: (
        "image.tar",
        tarred({"c.json": json.dumps({"config": {"Env": ["T=" + secret.decode()]}}).encode()}),
    ),
    "git pack": lambda secret: ("pack-1.pack", git_pack(b"first", secret, b"last")),
    "git pack, delta": lambda secret: ("pack-1.pack", git_pack(b"first", secret)),
    "git bundle": lambda secret: ("a.bundle", b"# v2 git bundle\nf00 HEAD\n\n" + git_pack(secret, b"last")),
    "source map": lambda secret: (
        "app.js.map",
        json.dumps(
            {
                "version": 3,
                "sources": ["webpack:///src/x.ts"],
                "sourcesContent": ["a\n" + secret.decode()],
                "mappings": "AAAA",
            }
        ).encode(),
    ),
    "notebook": lambda secret: (
        "a.ipynb",
        json.dumps(
            {
                "cells": [
                    {"cell_type": "code", "source": ["x = (\n", '"' + secret.decode() + '")'], "outputs": []}
                ],
                "nbformat": 4,
            }
        ).encode(),
    ),
    "notebook, output": lambda secret: (
        "a.ipynb",
        json.dumps(
            {"cells": [{"cell_type": "code", "source": [], "outputs": [{"text": ["a\n", secret.decode()]}]}]}
        ).encode(),
    ),
    "sqlite, over pages": lambda secret: (
        "a.db",
        sqlite(
            ("PRAGMA page_size = 512", ()),
            ("CREATE TABLE kept (name TEXT, value TEXT)", ()),
            *(
                ("INSERT INTO kept VALUES ('x', ?)", ("-" * pad + secret.decode() * 3,))
                for pad in range(400, 900, 50)
            ),
        ),
    ),
    "sqlite, utf-16": lambda secret: (
        "a.db",
        sqlite(
            ("PRAGMA encoding = 'UTF-16le'", ()),
            ("CREATE TABLE kept (value TEXT)", ()),
            ("INSERT INTO kept VALUES (?)", (secret.decode(),)),
        ),
    ),
    "sqlite, compressed value": lambda secret: (
        "a.db",
        sqlite(
            ("CREATE TABLE kept (value BLOB)", ()),
            ("INSERT INTO kept VALUES (?)", (gzip.compress(secret),)),
        ),
    ),
    "pdf, moved apart": lambda secret: (
        "a.pdf",
        pdf(b"BT /F1 12 Tf [(%s) -20 (%s)] TJ ET" % _halves(secret)),
    ),
    "mail": lambda secret: ("a.eml", mail(secret)),
    "binary property list": lambda secret: (
        "a.plist",
        plistlib.dumps({"k": ["ü" + secret.decode()]}, fmt=plistlib.FMT_BINARY),
    ),
}
