from tokenward.leaks.blob import Blob
from tokenward.leaks.detection.engine import Looked
from tokenward.leaks.searching import Searcher
from tokenward.leaks.text import Text


class Asked:
    """An engine that finds nothing and keeps what it was asked."""

    rules: dict[str, object] = {}  # noqa: RUF012 - never written to

    def __init__(self) -> None:
        self.texts: list[bytes] = []

    def look(self, text: Text, _recorder: object) -> Looked:
        self.texts.append(text.data)
        return Looked([], [])


def test_a_hole_of_a_sparse_file_is_counted_and_not_searched():
    engine = Asked()
    search = Searcher(engine)
    hole, end = Blob("a", bytes(1000), window=True), Blob("a", bytes(999) + b"x", offset=1000, window=True)
    assert [*search(hole), *search(end)] == [1000, 1000]
    assert engine.texts == [end.data]
