import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tokenward.leaks.compiling import over_bytes
from tokenward.leaks.detection import cache
from tokenward.leaks.detection.hyperscan_database import HyperscanDatabase
from tokenward.leaks.detection.patterns import PatternError
from tokenward.leaks.detection.re2_database import Re2Database
from tokenward.leaks.detectors.table import DETECTORS
from tokenward.leaks.unpacking.decoding import DECODERS

PATTERNS = (r"\bghx_[0-9A-Za-z]{8}\b", r"(?i)password\s{0,3}=", r"[a-f0-9]{4,}", r"\xff\xfe")
TEXTS = (
    b"",
    b"nothing",
    b"a ghx_0123abCD b",
    b"PassWord  = 1",
    b"dead beef",
    b"zz\xff\xfezz",
    b"ghx_0123abCD" * 500,
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tokenward"


@pytest.mark.parametrize("text", TEXTS)
def test_both_engines_find_the_same_patterns(text):
    assert set(HyperscanDatabase(PATTERNS).search(text)) == set(Re2Database(PATTERNS).search(text))


OTHERS = [trigger for one in (*DETECTORS, *DECODERS) for trigger in one.triggers]


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return HyperscanDatabase(OTHERS), [over_bytes(trigger) for trigger in OTHERS]


@given(which=st.integers(0, len(OTHERS) - 1), before=st.sampled_from([0, 1, 40, 400]), data=st.data())
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_trigger_is_missed_wherever_it_stands(others, which, before, data):
    """Vectorscan misses some forms of pattern behind other text: `(?:ab|cde)x{0,9}fgh` is one."""
    database, patterns = others
    text = b"\n" * before + data.draw(st.from_regex(re.compile(OTHERS[which].encode()))) + b"\n"
    if patterns[which].search(text) is not None:
        assert which in database.search(text)


def test_each_match_is_told_of_where_that_is_asked_for():
    found = HyperscanDatabase([*PATTERNS, "[ef]{2}"], every=[4]).search(b"..beef....cafe....")
    assert {which: sorted(ends) for which, ends in found.items()} == {2: [6], 4: [5, 6, 14]}


def test_a_hit_tells_where_its_first_match_ended():
    found = HyperscanDatabase(PATTERNS).search(b"..beef....cafe....")
    assert found == {2: [6]}


@pytest.mark.parametrize("engine", [HyperscanDatabase, Re2Database])
def test_a_pattern_that_no_engine_knows_is_named(engine):
    with pytest.raises(PatternError, match=r"\(\?<=x\)y"):
        engine(["fine", "(?<=x)y"])


@pytest.mark.parametrize("engine", [Re2Database])
def test_no_patterns_find_nothing(engine):
    assert engine([]).search(b"text") == {}


def test_the_compiled_database_is_kept_and_used(own_cache):
    HyperscanDatabase(PATTERNS)
    (kept,) = own_cache.iterdir()
    other = HyperscanDatabase(["elsewhere"])
    # Another database under this one's name shows that what is kept is what is used.
    names = {path.name for path in own_cache.iterdir()} - {kept.name}
    kept.write_bytes((own_cache / names.pop()).read_bytes())
    assert HyperscanDatabase(PATTERNS).search(b"elsewhere") == other.search(b"elsewhere") == {0: [9]}


@pytest.mark.parametrize("damage", [b"", b"rubbish", None], ids=["empty", "rubbish", "cut off"])
def test_a_damaged_one_is_made_anew(own_cache, damage):
    HyperscanDatabase(PATTERNS)
    (kept,) = own_cache.iterdir()
    kept.write_bytes(kept.read_bytes()[:-100] if damage is None else damage)
    assert HyperscanDatabase(PATTERNS).search(b"beef") == {2: [4]}


def test_what_others_may_write_is_not_used(own_cache):
    HyperscanDatabase(["elsewhere"])
    (planted,) = own_cache.iterdir()
    HyperscanDatabase(PATTERNS)
    (kept,) = set(own_cache.iterdir()) - {planted}
    kept.write_bytes(planted.read_bytes())
    kept.chmod(0o622)
    assert HyperscanDatabase(PATTERNS).search(b"elsewhere") == {}


def test_a_directory_that_others_may_write_is_not_used(own_cache):
    cache.write("name", b"kept")
    assert cache.read("name") == b"kept"
    own_cache.chmod(0o777)
    assert cache.read("name") is None


def test_a_link_is_not_followed(own_cache, tmp_path):
    cache.write("name", b"kept")
    (tmp_path / "elsewhere").write_bytes(b"planted")
    (own_cache / "name").unlink()
    (own_cache / "name").symlink_to(tmp_path / "elsewhere")
    assert cache.read("name") is None


def test_without_a_place_to_keep_it_everything_works(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert HyperscanDatabase(PATTERNS).search(b"beef") == {2: [4]}
    cache.write("name", b"kept")
    assert cache.read("name") is None


def test_what_is_kept_is_nobody_elses_to_read(own_cache):
    cache.write("name", b"kept")
    assert (own_cache / "name").stat().st_mode & 0o777 == 0o600
    assert own_cache.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in own_cache.iterdir()] == ["name"]
