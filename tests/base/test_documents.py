import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenward.app.yaml_source import read
from tokenward.base.documents.reading import CONFIGURATION, parse, parse_leniently
from tokenward.base.documents.source import Bounds, SourceError

YAML = Path("file.yaml")
JSON = Path("file.json")

REFUSED = [
    ("duplicate key", YAML, "a: 1\nb:\n  c: 1\n  c: 2\n", "duplicate-key", (4, 3)),
    ("duplicate key in flow", YAML, "a: {x: 1, x: 2}\n", "duplicate-key", (1, 11)),
    ("merge key", YAML, "a: &a {x: 1}\nb:\n  <<: *a\n", "merge-key", (3, 3)),
    ("python tag", YAML, "a: !!python/object/apply:os.system [id]\n", "tag", (1, 4)),
    ("own tag", YAML, "a: !secret x\n", "tag", (1, 4)),
    ("alias of itself", YAML, "a: &a [*a]\n", "alias", (1, 8)),
    ("alias of nothing", YAML, "a: *b\n", "alias", (1, 4)),
    ("alias as key", YAML, "a: &a x\n*a : 1\n", "alias", (2, 1)),
    ("list as key", YAML, "? [a]\n: 1\n", "syntax", (1, 3)),
    ("two documents", YAML, "a: 1\n---\nb: 1\n", "several-documents", (2, 1)),
    ("tab indentation", YAML, "a:\n\tb: 1\n", "syntax", (2, 1)),
    ("broken flow", YAML, "a: [1\nb: 2\n", "syntax", (2, 2)),
    ("control character", YAML, "a: \x01\n", "syntax", (1, 4)),
    ("escape beyond Unicode", YAML, '"\\U00110000"', "syntax", (1, 4)),
    ("half a surrogate pair", YAML, 'a: "\\ud800"', "syntax", (1, 7)),
    ("nothing", YAML, "# only a comment\n", "empty", (1, 1)),
    ("long number", YAML, f"a: {'1' * 301}\n", "number", (1, 4)),
    ("infinite number", YAML, "a: 1e999\n", "number", (1, 4)),
    ("deep", YAML, "[" * (CONFIGURATION.depth + 1), "too-deep", (1, CONFIGURATION.depth + 1)),
    ("very deep JSON", JSON, "[" * 100_000 + "]" * 100_000, "too-deep", (1, CONFIGURATION.depth + 1)),
    ("deep JSON", JSON, "[" * 150 + "]" * 150, "too-deep", (1, CONFIGURATION.depth + 1)),
    ("duplicate key in JSON", JSON, '{"a": 1,\n\t"a": 2}', "duplicate-key", (2, 2)),
    ("NaN in JSON", JSON, '{"a": NaN}', "syntax", (1, 1)),
    ("long number in JSON", JSON, f'{{"a": {"1" * 5000}}}', "number", (1, 7)),
    ("half a pair in JSON", JSON, '{"a": "\\ud800"}', "syntax", (1, 7)),
    ("half a pair behind a backslash in JSON", JSON, r'{"a": "\\ud83d\ude00"}', "syntax", (1, 7)),
    ("comment in JSON", JSON, '{"a": 1} // x', "syntax", (1, 10)),
]


@pytest.mark.parametrize(
    ("path", "text", "code", "place"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_is_ambiguous_or_unbounded_is_refused_with_its_place(path, text, code, place):
    with pytest.raises(SourceError) as refused:
        parse(text.encode(), path)
    assert (refused.value.code, (refused.value.line, refused.value.column)) == (code, place)


def test_what_is_no_utf_8_is_refused_with_its_line():
    with pytest.raises(SourceError) as refused:
        parse(b"a: 1\nb: \xff\n", YAML)
    assert (refused.value.code, refused.value.line) == ("not-utf-8", 2)


def test_a_large_file_is_refused_before_it_is_parsed(tmp_path):
    file = tmp_path / "large.yaml"
    with file.open("wb") as out:
        out.truncate(CONFIGURATION.size + 1)
    with pytest.raises(SourceError) as refused:
        read(file)
    assert refused.value.code == "file-too-large"


@pytest.mark.parametrize("name", ["absent.yaml", "."])
def test_what_is_no_file_is_refused(tmp_path, name):
    with pytest.raises(SourceError) as refused:
        read(tmp_path / name)
    assert refused.value.code == "no-such-file"


def test_aliases_of_aliases_are_refused_before_anybody_walks_through_them():
    laughs = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    laughs += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(SourceError) as refused:
        parse("\n".join(laughs).encode(), YAML)
    assert refused.value.code == "too-many-values"


def test_scalars_follow_the_core_schema():
    text = "[yes, true, ~, null, 0o17, 0x1F, -3, 1.5, .5, 2020-01-01, '1', 1_000, .inf, !!str 7, 017]"
    assert parse(text.encode(), YAML).data == [
        "yes", True, None, None, 15, 31, -3, 1.5, 0.5, "2020-01-01", "1", "1_000", ".inf", "7", 17,
    ]  # fmt: skip


def test_keys_are_text_as_in_json():
    assert parse(b"200: ok\nnull: x\ntrue: y\n", YAML).data == {"200": "ok", "null": "x", "true": "y"}


def test_places_are_those_of_the_keys():
    source = parse(b"a:\n  - b: 1\n    c: {d: 2}\n", YAML)
    assert source.line_of(()) == (1, 1)
    assert source.line_of(("a", 0)) == (2, 5)
    assert source.line_of(("a", 0, "c", "d")) == (3, 9)
    assert source.line_of(("a", 0, "c", "absent", "deeper")) == (3, 5)
    assert source.line_of(("a", 7)) == (1, 1)


def test_places_in_json_with_tabs_and_surrogate_pairs():
    source = parse(b'{\n\t"a": [1,\n\t\t{"b": "\\ud83d\\ude00"}]\n}', JSON)
    assert source.data == {"a": [1, {"b": "\N{GRINNING FACE}"}]}
    assert source.line_of(("a", 1, "b")) == (3, 4)


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(_VALUES)
def test_json_reads_as_json_does_and_the_same_text_means_the_same_as_yaml(value):
    text = json.dumps(value).encode()
    assert parse(text, JSON).data == value
    if b"\\ud" not in text.lower():  # YAML has no pairs of halves
        try:
            assert parse(text, YAML).data == value
        except SourceError as refused:
            assert refused.code in {"merge-key", "empty"}  # noqa: PT017 - both are outcomes


@settings(deadline=None)
@given(
    st.binary(max_size=200) | st.text(alphabet="{}[]:,-?&*!|>%@\"'#<\\ \n\tab1", max_size=60).map(str.encode)
)
def test_any_bytes_are_data_or_refused(content):
    for path in (YAML, JSON):
        try:
            source = parse(content, path)
        except SourceError as refused:
            assert refused.line >= 1  # noqa: PT017 - both are outcomes
        else:
            assert source.line_of(("a", 0, "b"))[0] >= 1


BOUNDS = Bounds(size=1_000_000, depth=50, values=10_000)


def _leniently(text, path=YAML):
    return parse_leniently(text.encode(), path, BOUNDS)


def test_what_can_be_passed_over_is_remarked_and_the_rest_is_read():
    source = _leniently("a: 1\na: 2\nb: !own 3\nc: &c {x: 1, y: 2}\nd: {<<: *c, x: 7}\n---\ne: 1\n")
    assert source.data == {"a": 2, "b": "3", "c": {"x": 1, "y": 2}, "d": {"x": 7, "y": 2}}
    assert [(it.code, it.line) for it in source.remarks] == [
        ("duplicate-key", 2), ("tag", 3), ("merge-key", 5), ("several-documents", 6),
    ]  # fmt: skip
    assert source.line_of(("a",)) == (2, 1)
    assert source.line_of(("d", "y")) == (4, 14)
    assert source.broken is None


@pytest.mark.parametrize(
    ("path", "text", "data", "line"),
    [
        (YAML, "a: 1\nb: {c: 2, d: [3,\n", {"a": 1, "b": {"c": 2, "d": [3]}}, 3),
        (JSON, '{"a": 1,\n"b": {"c": 2, "d": [3, {"e"', {"a": 1, "b": {"c": 2, "d": [3, {}]}}, 2),
        (JSON, '{"a": 1,\n"b": "x ] ] } \x01', {"a": 1}, 2),
        (JSON, '{"a": 1}\n}', {"a": 1}, 2),
        (YAML, f"a: 1\nb: {'[' * 60}", {"a": 1, "b": None}, 2),
    ],
    ids=["yaml", "json", "json in a text", "json with more", "deep"],
)
def test_what_stands_before_the_damage_is_kept(path, text, data, line):
    source = _leniently(text, path)
    assert source.broken is not None
    assert source.broken.line == line
    assert {**source.data, "b": None} == {**data, "b": None} if "[" * 60 in text else source.data == data


def test_json_is_known_by_its_look_and_yaml_that_looks_like_it_is_read_too():
    assert _leniently('{"a":\t"\\ud83d\\ude00"}').data == {"a": "\N{GRINNING FACE}"}
    assert _leniently("{a: 1}").data == {"a": 1}


def test_characters_that_end_lines_in_yaml_1_1_do_not():
    text = "a: x\u2028y # c\u2029z\nb: w\x85\n"
    assert parse(text.encode(), YAML).data == {"a": "x\u2028y", "b": "w\x85"}
    assert parse(text.encode(), YAML).line_of(("b",)) == (2, 1)


@settings(deadline=None)
@given(
    st.binary(max_size=200) | st.text(alphabet="{}[]:,-?&*!|>%@\"'#<\\ \n\tab1", max_size=60).map(str.encode)
)
def test_any_bytes_are_data_in_part_or_refused(content):
    for path in (YAML, JSON):
        try:
            source = parse_leniently(content, path, BOUNDS)
        except SourceError as refused:
            assert refused.line >= 1  # noqa: PT017 - both are outcomes
        else:
            assert source.line_of(("a", 0, "b"))[0] >= 1
