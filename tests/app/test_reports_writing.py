import json
import os
import threading
from pathlib import Path

import pytest

from app.report_samples import AT, HOSTILE, ORDINARY, result
from tokenward.app.reports.leaks import leak_report
from tokenward.app.reports.writing import Format, write_report

REPORT = leak_report(ORDINARY, at=AT, lasting_key=False)


@pytest.mark.parametrize("chosen", Format)
def test_every_format_goes_to_a_file_and_nothing_to_the_screen(chosen, tmp_path, capsysbinary):
    target = tmp_path / "report"
    for of in (ORDINARY, HOSTILE, result(), result(interrupted=True)):
        write_report(leak_report(of, at=AT, lasting_key=True), chosen, target)
        assert target.read_bytes().endswith(b"\n")
    assert [each.name for each in tmp_path.iterdir()] == ["report"]
    assert target.stat().st_mode & 0o777 == 0o644
    assert capsysbinary.readouterr() == (b"", b"")


@pytest.mark.parametrize("chosen", [each for each in Format if each is not Format.TERMINAL])
def test_without_a_file_it_goes_to_standard_output_in_utf_8(chosen, tmp_path, capsysbinary):
    write_report(REPORT, chosen, None)
    write_report(REPORT, chosen, tmp_path / "report")
    assert capsysbinary.readouterr().out == (tmp_path / "report").read_bytes()


def test_the_terminal_format_goes_to_standard_output(capsys):
    write_report(REPORT, Format.TERMINAL, None)
    assert "4 findings" in capsys.readouterr().out


def test_a_file_has_no_colours_whatever_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    write_report(REPORT, Format.TERMINAL, tmp_path / "report")
    assert b"\x1b" not in (tmp_path / "report").read_bytes()


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    target = tmp_path / "report"
    target.write_text("old")
    monkeypatch.setattr(Path, "replace", _fail)
    with pytest.raises(OSError, match="no room"):
        write_report(REPORT, Format.JSON, target)
    assert target.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["report"]


def _fail(*_):
    raise OSError("no room")


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_report(REPORT, Format.JSON, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert json.loads((tmp_path / "real").read_bytes())["version"] == 1


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_report(REPORT, Format.JSON, pipe)
    reader.join(30)
    assert json.loads(read[0])["version"] == 1
    assert pipe.is_fifo()


def test_a_file_that_cannot_be_made_is_named_as_it_was_asked_for(tmp_path):
    target = tmp_path / "nowhere" / "report.json"
    with pytest.raises(FileNotFoundError) as raised:
        write_report(REPORT, Format.JSON, target)
    assert raised.value.filename == str(target)
