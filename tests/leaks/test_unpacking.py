"""What is inside of containers is found, by the path that leads to it."""

import gzip
import io
import lzma
import struct
import subprocess
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaks import containers
from leaks.containers import FAMILIES, tarred, zipped
from tokenward.leaks.blob import Blob
from tokenward.leaks.findings import Trouble
from tokenward.leaks.unpacking.containers import unpack
from tokenward.leaks.unpacking.limits import Budget, Limits
from tokenward.tokens import opaque

SECRET = opaque.new("at").secret.reveal().encode()


def opened(name: str, data: bytes, **limits: int) -> tuple[dict[str, bytes], list[Trouble]]:
    """What comes out, by path, and what did not."""
    blobs: dict[str, list[bytes]] = {}
    troubles = []
    for each in unpack(Blob(name, data), Budget(len(data), Limits(**limits))):
        if isinstance(each, Trouble):
            troubles.append(each)
        else:
            blobs.setdefault(each.path, []).append(each.data)
    return {path: b"".join(parts) for path, parts in blobs.items()}, troubles


def reasons(name: str, data: bytes, **limits: int) -> str:
    return "\n".join(f"{trouble.path}: {trouble.why}" for trouble in opened(name, data, **limits)[1])


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_container_holds_comes_out_whole_and_without_trouble(family: str):
    blobs, troubles = opened(*FAMILIES[family](SECRET))
    assert any(SECRET in data for data in blobs.values())
    assert troubles == []


@pytest.mark.parametrize(
    ("family", "path"),
    [
        ("zip, deflated", "a.zip!b/.env"),
        ("zip in zip", "a.war!WEB-INF/lib/b.jar!c.properties"),
        ("tar.gz", "a.tgz!a/b"),
        ("gzip, two members", "a.log.gz!a.log"),
        ("deb", "a.deb!data.tar.xz!./etc/a"),
        ("rpm", "a.rpm!payload!./etc/a"),
        ("source map", "app.js.map!webpack:///src/x.ts"),
        ("notebook", "a.ipynb!cell 1"),
        ("sqlite, utf-16", "a.db!kept"),
        ("docx, split over runs", "a.docx!word/document.xml"),
        ("image, a layer's file", "image.tar!blobs/sha256/" + "ab" * 6 + "!app/.env"),
        ("mail", "a.eml!a.gz!a"),
    ],
)
def test_a_path_leads_to_the_member(family: str, path: str):
    blobs, _ = opened(*FAMILIES[family](SECRET))
    assert SECRET in blobs[path]


def test_an_ordinary_file_comes_out_as_it_is():
    for data in (
        b"",
        b"x",
        b"\0",
        b"text\n" * 200,
        b"PK",
        b'{"a": 1}',
        b"BZh9 is a word",
        b"\xca\xfe\xba\xbe\0\0\0\2" + bytes(100),  # a program of macOS for two processors
        bytes(range(256)) * 4,
        b"Subject: x\n\ny",
    ):
        blob = Blob("a", data)
        assert list(unpack(blob)) == [blob]


def test_bytes_of_an_archive_are_not_searched_twice_and_those_of_a_database_are():
    assert "a.zip" not in opened(*FAMILIES["zip, stored"](SECRET))[0]
    assert "a.db" in opened(*FAMILIES["sqlite, utf-16"](SECRET))[0]


def test_members_keep_the_object_that_they_came_with():
    members = list(unpack(Blob("a.zip", zipped({"a": SECRET}), object_id="f00", first_line=7)))
    assert [(each.object_id, each.first_line) for each in members] == [("f00", 1)]


def test_a_window_of_a_larger_file_is_not_opened():
    first = Blob("a.zip", zipped({"a": SECRET}), window=True)
    next_one = Blob("a.zip", zipped({"a": SECRET}), offset=1 << 24, window=True)
    assert list(unpack(next_one)) == [next_one]
    assert list(unpack(first)) == [
        first,
        Trouble("a.zip", "zip archive: too large to be opened"),
    ]
    text = Blob("a.sql", b"x" * 100, window=True)
    assert list(unpack(text)) == [text]


def test_a_row_that_was_deleted_is_still_found():
    data = containers.sqlite(
        ("PRAGMA secure_delete = OFF", ()),
        ("CREATE TABLE kept (value TEXT)", ()),
        ("INSERT INTO kept VALUES (?)", (SECRET.decode(),)),
        ("DELETE FROM kept", ()),
    )
    blobs, _ = opened("a.db", data)
    assert SECRET in blobs["a.db"]


def test_a_file_that_a_later_layer_of_an_image_deletes_is_still_found():
    layers = {
        "1/layer.tar": tarred({"app/.env": SECRET}),
        "2/layer.tar": tarred({"app/.wh..env": b""}),
    }
    blobs, troubles = opened("image.tar", tarred(layers))
    assert blobs["image.tar!1/layer.tar!app/.env"] == SECRET
    assert troubles == []


def test_what_git_packed_comes_out_of_pack_and_bundle(tmp_path: Path):
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--quiet")
    lines = "".join(f"line {number} of a file that is long enough for a delta\n" for number in range(300))
    for version, added in enumerate(["", f"token = {SECRET.decode()}\n", "", "later\n"]):
        (tmp_path / "a.txt").write_text(lines + added + lines)
        git("add", "a.txt")
        git("commit", "--quiet", "--message", f"version {version}")
    git("repack", "-a", "-d", "-f", "--depth=10")
    git("bundle", "create", "all.bundle", "HEAD")
    (pack,) = (tmp_path / ".git" / "objects" / "pack").glob("*.pack")
    for path in (pack, tmp_path / "all.bundle"):
        blobs, troubles = opened("x", path.read_bytes())
        assert any(SECRET in data for data in blobs.values())
        assert troubles == []


def test_members_that_no_directory_lists_are_found_and_so_is_what_stands_between():
    hidden = zipped({"hidden": SECRET})
    shown = zipped({"shown": b"x"})
    data = hidden[: hidden.index(b"PK\x01\x02")] + b"between: " + SECRET[::-1] + shown
    blobs, _ = opened("a.zip", data)
    assert SECRET in blobs["a.zip!hidden"]
    assert SECRET[::-1] in blobs["a.zip!(between the members)"]
    assert blobs["a.zip!shown"] == b"x"


def test_a_zip_without_its_end_gives_what_is_left_and_says_so():
    data = zipped({"a": SECRET, "b": bytes(1000)})
    for cut in (data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06"), len(data) - 1):
        blobs, troubles = opened("a.zip", data[:cut])
        assert blobs["a.zip!a"] == SECRET
        assert "directory" in troubles[0].why


def test_zip64_is_read():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, archive.open("a", "w", force_zip64=True) as member:
        member.write(SECRET)
    data = out.getvalue()
    directory, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    record = b"PK\x06\x06" + struct.pack("<Q2H2I4Q", 44, 45, 45, 0, 0, 1, 1, end - directory, directory)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1)
    last = b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    blobs, troubles = opened("a.zip", data[:end] + record + locator + last)
    assert blobs == {"a.zip!a": SECRET}
    assert troubles == []


def test_an_encrypted_member_is_trouble():
    data = bytearray(zipped({"a": SECRET}))
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(header) + flags] |= 1
    assert reasons("a.zip", bytes(data)) == "a.zip!a: encrypted"


def test_another_name_in_the_members_own_header_is_trouble_and_it_is_read():
    data = zipped({"harmless": SECRET}).replace(b"harmless", b"harmful!", 1)
    blobs, troubles = opened("a.zip", data)
    assert blobs["a.zip!harmless"] == SECRET
    assert "another name" in troubles[0].why


def test_a_wrong_checksum_is_trouble_and_what_came_out_is_searched():
    data = zipped({"a": SECRET}, zipfile.ZIP_STORED)
    blobs, troubles = opened("a.zip", data.replace(SECRET, SECRET[:-1] + b"!"))
    assert SECRET[:-1] in blobs["a.zip!a"]
    assert "checksum" in troubles[0].why
    broken = gzip.compress(SECRET)[:-8] + bytes(8)
    blobs, troubles = opened("a.gz", broken)
    assert SECRET in blobs["a.gz!a"]
    assert "broken" in troubles[0].why


@pytest.mark.parametrize(
    "family", ["tar.gz", "tar.bz2", "tar.xz", "tar.zst", "tar, GNU", "ar", "cpio, newc", "rpm"]
)
def test_what_is_cut_off_is_trouble(family: str):
    name, data = FAMILIES[family](SECRET * 400)
    assert opened(name, data[: len(data) * 2 // 3])[1]


def test_a_tar_keeps_what_stands_after_its_end():
    blobs, _ = opened("a.tar", tarred({"a": b"x"}) + SECRET)
    assert blobs["a.tar!(after the end)"] == SECRET


def test_a_tar_without_a_magic_is_one_by_its_checksum():
    data = bytearray(tarred({"a": SECRET}))
    data[257:265] = bytes(8)
    data[148:156] = b"%06o\0 " % (sum(data[:512]) - sum(data[148:156]) + 8 * 32)
    blobs, _ = opened("a", bytes(data))
    assert blobs == {"a!a": SECRET}


def test_the_stored_bytes_of_a_sparse_file_are_searched():
    info = tarfile.TarInfo("disk")
    info.type, info.size = b"S", len(SECRET)
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[482] = 1  # another block of the map follows
    header[148:156] = b"%06o\0 " % (sum(header) - sum(header[148:156]) + 8 * 32)
    data = bytes(header) + bytes(512) + SECRET.ljust(512, b"\0") + tarred({"next": b"x"})
    blobs, troubles = opened("a.tar", data)
    assert blobs == {"a.tar!disk": SECRET, "a.tar!next": b"x"}
    assert troubles == []


def test_links_and_devices_are_left_out():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            info = tarfile.TarInfo("a")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    assert opened("a.tar", out.getvalue()) == ({}, [])
    link = zipfile.ZipInfo("a")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zip_archive:
        zip_archive.writestr(link, "/etc/passwd")
    assert opened("a.zip", out.getvalue()) == ({}, [])


@pytest.mark.parametrize(
    "stated",
    [b"\xff" * 12, b"\x80" + b"\xff" * 11, b"77777777777\0", b"-0000000001\0", b"0x000000001\0", b"ab\0" * 4],
)
def test_a_size_that_cannot_be_is_trouble(stated: bytes):
    data = bytearray(tarred({"a": SECRET}))
    data[124:136] = stated
    data[148:156] = b"%06o\0 " % (sum(data[:512]) - sum(data[148:156]) + 8 * 32)
    blobs, troubles = opened("a.tar", bytes(data))
    assert len(troubles) == 1
    assert any(SECRET in blob for blob in blobs.values())


def test_a_size_that_leads_back_is_trouble():
    data = bytearray(tarred({"a": SECRET}))
    data[124:136] = (-1024).to_bytes(12, "big", signed=True)
    data[148:156] = b"%06o\0 " % (sum(data[:512]) - sum(data[148:156]) + 8 * 32)
    assert reasons("a.tar", bytes(data)) == "a.tar!a: has no size that could be"


def test_a_broken_header_is_trouble_and_what_follows_is_searched():
    first, second = tarred({"a": b"x"})[:1024], bytearray(tarred({"b": SECRET}))
    second[0] ^= 1
    blobs, troubles = opened("a.tar", first + bytes(second))
    assert blobs["a.tar!a"] == b"x"
    assert SECRET in blobs["a.tar!(after the end)"]
    assert "header" in troubles[0].why


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a\\b", "C:\\a", "a!b"])
def test_a_name_is_only_shown(name: str):
    assert opened("a.tar", tarred({name: SECRET}))[0] == {f"a.tar!{name}": SECRET}


def test_a_name_is_shown_without_control_characters():
    blobs, _ = opened("a.tar", tarred({"a\x1b[2J\nb\u202ec": SECRET}))
    assert list(blobs) == ["a.tar!a\\x1b[2J\\x0ab\\u202ec"]
    data = zipped({"a_b": SECRET}).replace(b"a_b", b"a\0b")
    assert list(opened("a.zip", data)[0]) == ["a.zip!a\\x00b"]


def test_names_of_any_encoding_and_names_given_twice_are_taken():
    data = zipped({"a_b": SECRET, "c_d": b"x"}, zipfile.ZIP_STORED)
    blobs, troubles = opened("a.zip", data.replace(b"a_b", b"a\x81b").replace(b"c_d", b"a\x81b"))
    assert blobs == {"a.zip!aüb": SECRET + b"x"}  # code page 437
    assert troubles == []
    info = tarfile.TarInfo("a\udcffb")
    info.size = len(SECRET)
    data = info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "surrogateescape") + SECRET.ljust(512, b"\0")
    assert opened("a.tar", data)[0] == {"a.tar!a\udcffb": SECRET}


def test_a_pax_header_that_counts_wrongly_is_borne():
    for records in (
        b"0 path=x\n",
        b"99999999999999999999 path=x\n",
        b"3 =\n" * 1000,
        b"-5 path=x\n",
        b"12 path",
    ):
        info = tarfile.TarInfo("x")
        info.type, info.size = b"x", len(records)
        data = info.tobuf(tarfile.USTAR_FORMAT) + records.ljust(-(-len(records) // 512) * 512, b"\0")
        assert opened("a.tar", data + tarred({"a": SECRET}))[0]["a.tar!a"] == SECRET


def test_nesting_ends_at_a_depth():
    data = SECRET
    for _ in range(9):
        data = zipped({"a": data})
    blobs, troubles = opened("a.zip", data)
    assert [trouble.why for trouble in troubles] == ["nested deeper than 8 containers"]
    assert not troubles[0].skipped
    assert SECRET in opened("a.zip", data, depth=9)[0]["a.zip" + "!a" * 9]
    assert list(blobs) == ["a.zip" + "!a" * 8]


def test_too_many_members_are_trouble_and_the_first_ones_are_read():
    blobs, troubles = opened("a.zip", zipped({f"{at}": b"x" for at in range(50)}), members=20)
    assert len(blobs) >= 20
    assert not troubles[-1].skipped
    assert "more than 20 members" in troubles[-1].why
    assert "more than 20 members" in reasons("a.tar", tarred({f"{at}": b"" for at in range(50)}), members=20)


def test_a_million_empty_members_end_at_the_bound():
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<H", 1) + bytes(16) + b"a"
    local = b"PK\x03\x04" + bytes(22) + struct.pack("<H", 1) + bytes(2) + b"a"
    directory = entry * 1_000_000
    end = b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, 0, 0, len(directory), len(local), 0)
    assert opened("a.zip", local + directory + end)[1]
    empty = tarfile.TarInfo("a").tobuf(tarfile.USTAR_FORMAT)
    assert "100,000 members" in reasons("a.tar", empty * 110_000)


@pytest.mark.parametrize(
    "compress", [gzip.compress, lzma.compress, zlib.compress, containers.zstandard.compress]
)
def test_a_bomb_ends_at_the_bound(compress):
    bomb = compress(bytes(20_000_000))
    blobs, troubles = opened("a", bomb)
    assert sum(map(len, blobs.values())) <= 11_000_000
    assert "bytes when unpacked" in troubles[0].why
    assert not troubles[0].skipped


def test_a_bomb_of_many_members_ends_at_the_bound():
    bomb = zipped({f"{at}": bytes(1_000_000) for at in range(30)})
    blobs, troubles = opened("a.zip", zipped({f"{at}": bomb for at in range(10)}))
    assert sum(map(len, blobs.values())) <= 11_000_000
    assert not troubles[-1].skipped


def test_what_could_take_long_does_not():
    # Each took minutes, or would, where every piece is looked for in all that follows.
    comments = b'<?xml version="1.0"?><a xmlns="urn:oasis:names:tc:opendocument">' + b"<!--" * 300_000
    assert opened("a.xml", comments)[0]
    header = b"PK\x03\x04\x14\0\x08\0" + bytes(18) + b"\1\0\0\0a" + b"x" * 600
    blobs, _ = opened("a.zip", header * 20_000)
    assert blobs["a.zip!a"] == b"x" * 600 * 20_000
    nested = b"".join(
        b"--%d\nContent-Type: multipart/mixed; boundary=%d\n\n" % (at, at + 1) for at in range(5000)
    )
    head = b"From: a\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\nContent-Type: a/b; boundary=0\n\n"
    assert "boundaries" in reasons("a.eml", head + nested + b"x\n" * 1_000_000)


def test_after_a_broken_member_of_unknown_size_the_next_one_is_found():
    broken = b"PK\x03\x04\x14\0\x08\0\x08\0" + bytes(16) + b"\1\0\0\0b" + b"\xff" * 40
    data = zipped({"a": SECRET})
    blobs, troubles = opened("a.zip", broken + data[: data.index(b"PK\x01\x02")])
    assert blobs["a.zip!a"] == SECRET
    assert any("deflate" in trouble.why for trouble in troubles)


def test_members_that_overlap_are_read_once():
    # As in Fifield, "A better zip bomb": all entries of the directory share one member.
    data = zipped({"a": bytes(1_000_000)})
    directory, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    many = data[directory:end] * 50
    last = b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, 50, 50, len(many), directory, 0)
    blobs, troubles = opened("a.zip", data[:directory] + many + last)
    assert len(blobs["a.zip!a"]) == 1_000_000
    assert {trouble.why for trouble in troubles} == {"overlaps another member"}


def test_a_stream_that_asks_for_much_memory_is_trouble():
    window = b"\x28\xb5\x2f\xfd\x00" + bytes([21 << 3]) + b"\x01\x00\x00"  # 2 GiB
    assert "zstd" in reasons("a.zst", window)
    greedy = b"\x5d" + struct.pack("<I", 0xFFFFFFFF) + b"\xff" * 8 + bytes(20)
    assert "lzma" in reasons("a.lzma", greedy[:1] + bytes(2) + greedy[3:])


def test_many_tiny_streams_in_a_row_are_one_file():
    blobs, troubles = opened("a.gz", gzip.compress(b"") * 20_000 + gzip.compress(SECRET))
    assert (blobs, troubles) == ({"a.gz!a": SECRET}, [])


@pytest.mark.parametrize(
    "magic",
    [
        b"7z\xbc\xaf\x27\x1c",
        b"Rar!\x1a\x07\1\0",
        b"\x04\x22\x4d\x18",
        b"MSCF\0\0\0\0",
        bytes(32_769) + b"CD001",
    ],
)
def test_what_is_not_opened_is_said_and_its_bytes_are_searched(magic: bytes):
    blobs, troubles = opened("a", magic + bytes(600) + SECRET)
    assert SECRET in blobs["a"]
    assert "not opened" in troubles[0].why
    assert not troubles[0].skipped


def test_a_broken_database_is_trouble_and_its_bytes_are_searched():
    name, data = FAMILIES["sqlite, utf-16"](SECRET)
    for broken in (
        data[:30] + SECRET,
        data[:100] + bytes(4000) + SECRET,
        data[:16] + b"\xff" * 84 + data[100:] + SECRET,
    ):
        blobs, troubles = opened(name, broken)
        assert SECRET in blobs["a.db"]
        assert troubles


def test_a_database_runs_nothing_that_it_asks_for():
    data = containers.sqlite(
        ("CREATE TABLE kept (value TEXT)", ()),
        ("INSERT INTO kept VALUES (?)", (SECRET.decode(),)),
        (
            "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT 1",
            (),
        ),
    )
    # The schema says that the view is a table, which must not be believed.
    blobs, troubles = opened("a.db", data.replace(b"viewendless", b"tablendless"))
    assert SECRET in blobs["a.db"]
    assert troubles


def test_a_database_calls_no_function_and_no_module():
    data = containers.sqlite(
        ("CREATE TABLE a (x TEXT, y AS (hex(zeroblob(500000))))", ()),
        ("INSERT INTO a VALUES ('one')", ()),
        ("CREATE VIRTUAL TABLE b USING fts5(z)", ()),
        ("INSERT INTO b VALUES ('words')", ()),
    )
    blobs, troubles = opened("a.db", data)
    assert blobs["a.db!a"] == b"x: one"
    assert "a.db!b" not in blobs
    assert troubles == []


def test_a_table_that_names_one_string_again_and_again_ends_at_the_bound():
    string = b"\x7f" + b"x" * 1_000_000 + b"\0"
    head = b"dex\n035\0".ljust(0x38, b"\0") + struct.pack("<2I", 100_000, 0x40)
    begin = 0x40 + 400_000
    data = head + struct.pack("<I", begin) * 100_000 + string
    blobs, troubles = opened("a.dex", data, ratio=1)
    assert len(blobs["a.dex!strings"]) < 12_000_000
    assert "bytes of strings" in troubles[0].why
    pool = struct.pack("<2H6I", 1, 28, 0, 100_000, 0, 0, 28 + 400_000, 0) + bytes(400_000)
    assert "bytes of strings" in reasons(
        "a.xml", b"\3\0\x08\0" + bytes(4) + pool + b"\xff\x7f" + b"x" * 70_000
    )


def test_a_broken_string_table_is_trouble():
    assert "constant pool" in reasons("A.class", b"\xca\xfe\xba\xbe\0\0\0\x34\0\5\x01")
    assert "string table" in reasons("a.dex", b"dex\n035\0".ljust(0x38, b"\0") + b"\xff" * 8)
    assert "string pool" in reasons("a", b"\3\0\x08\0" + bytes(4) + b"\1\0\x1c\0" + b"\xff" * 24)


def test_a_broken_document_is_trouble():
    assert "no JSON" in reasons("a.map", b'{"version":3,"mappings":"","sourcesContent": [')
    assert "no JSON" in reasons("a.ipynb", b'{"cells": ' + b"[" * 100_000)
    assert "property list" in reasons("a.plist", b"bplist00" + bytes(40))
    assert "encrypted" in reasons("a.pdf", b"%PDF-1.7\n/Encrypt 5 0 R")


@settings(max_examples=150)
@given(
    st.sampled_from(sorted(FAMILIES)),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
    st.floats(0, 1),
)
def test_nothing_but_blobs_and_trouble_comes_of_damage(
    family: str, damage: list[tuple[float, int]], cut: float
):
    name, data = FAMILIES[family](SECRET)
    broken = bytearray(data)
    for where, value in damage:
        broken[int(where * (len(data) - 1))] = value
    end = len(data) if cut > 0.5 else int(len(data) * cut * 2)
    for each in unpack(Blob(name, bytes(broken[:end]))):
        assert isinstance(each, Blob | Trouble)
