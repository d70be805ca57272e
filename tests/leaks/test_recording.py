from tokenward.leaks.recording import SILENCE, WHOLE_TEXT, Note, Notes, Recorder


def _stage(recorder: Recorder) -> list[str]:
    made: list[str] = []
    if recorder.wanted:
        made.append("reason")
        recorder.note("entropy", "some-rule", 7, "dropped", made[0])
    recorder.note("source", "", WHOLE_TEXT, "passed", "read")
    return made


def test_notes_are_kept_in_order():
    notes = Notes()
    assert _stage(notes) == ["reason"]
    assert notes.kept == [
        Note("entropy", "some-rule", 7, "dropped", "reason"),
        Note("source", "", WHOLE_TEXT, "passed", "read"),
    ]


def test_where_nobody_listens_no_reason_is_made():
    assert _stage(SILENCE) == []
