from hypothesis import given
from hypothesis import strategies as st

from tokenward.leaks.text import Text


@given(
    st.lists(st.sampled_from(["a", "\n", "é", "漢", "\r"]), max_size=60),
    st.lists(st.integers(0, 59), max_size=12),
)
def test_a_position_is_that_of_the_line_in_whatever_order_it_is_asked(letters, asked):
    whole = "".join(letters)
    text = Text(whole.encode(), "a.txt")
    for at in asked:
        before = whole[:at]
        offset = len(before.encode())
        column = len(before) - (before.rfind("\n") + 1) + 1
        assert text.position(offset) == (before.count("\n") + 1, column)


class Counting(bytes):
    """Bytes that count how many of them were taken."""

    taken = 0

    def __getitem__(self, key):
        piece = super().__getitem__(key)
        self.taken += len(piece)
        return piece


def test_of_many_places_in_one_long_line_each_is_told_from_the_one_before():
    data = Counting(b"x" * 100_000)
    text = Text(data, "a.txt")
    assert [text.position(at) for at in range(0, 100_000, 100)] == [
        (1, at + 1) for at in range(0, 100_000, 100)
    ]
    assert data.taken < 3 * len(data)
