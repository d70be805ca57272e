"""What a leak's files become: each place that can be rewritten, before anything is written."""

from dataclasses import dataclass, field

from tokenward.app.fix_leaks import Ground, Leak, NotHere, seen_in
from tokenward.base.references import Reference
from tokenward.leaks.fixing.names import name_for, spelled
from tokenward.leaks.fixing.proposing import propose
from tokenward.leaks.fixing.shown import changes
from tokenward.leaks.fixing.spot import ByHand, Spot, locate, read
from tokenward.leaks.masking import masked
from tokenward.leaks.searching import Searcher
from tokenward.leaks.sighting import Sighting


@dataclass(frozen=True, slots=True)
class FilePlan:
    """One file.

    Attributes:
        path: as the scan calls it.
        before: its content.
        after: what it becomes; the same where nothing can be rewritten.
        diff: what changes, without any secret.
        variables: environment variables that it reads then.
        notes: what else has to be done, a sentence each.
        by_hand: lines that are left to people, and why.
    """

    path: str
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    diff: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    by_hand: tuple[tuple[int, ByHand], ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything is rewritten."""
        return self.after != self.before


def name_of(leak: Leak, here: Ground, search: Searcher) -> str:
    """A name for the secret: from the first place that gives it one, or else what it is."""
    for path in leak.paths:
        try:
            content = here.content(path)
            source = read(content)
            for each in _of(leak, seen_in(search, path, content)):
                own = name_for(locate(path, source, each.line, each.column, each.secret))
                if own:
                    return own
        except (NotHere, ByHand):
            continue
    return spelled(leak.rule.id)


def plan(  # noqa: PLR0917 - one of each
    path: str, leak: Leak, kept: Reference, name: str, here: Ground, search: Searcher
) -> FilePlan:
    """What becomes of one of the leak's files.

    Args:
        path: as the scan calls it.
        leak: the secret.
        kept: where it is kept from now on.
        name: of an environment variable, where the language reads one.
        here: where the files are.
        search: searches a file.

    Raises:
        NotHere: the file cannot be changed.
    """
    before = here.content(path)
    now = before
    variables: list[str] = []
    notes: list[str] = []
    by_hand: list[tuple[int, ByHand]] = []
    # From the end on: an edit may put an import before what is left, and nothing with a secret behind it.
    there = _of(leak, seen_in(search, path, now))
    while len(there) > len(by_hand):
        one = there[-1 - len(by_hand)]
        try:
            source = read(now)
            spot = _spot(path, now, one)
            done = propose(spot, source, kept, name)
        except ByHand as error:
            by_hand.append((one.line, error))
            continue
        left = _of(leak, seen_in(search, path, done.content))
        if len(left) >= len(there):
            by_hand.append((one.line, ByHand("It would still be found there.")))
            continue
        now, there = done.content, left
        variables += [done.variable] if done.variable else []
        notes += done.notes
    return FilePlan(
        path,
        before,
        now,
        tuple(_diff(path, before, now, search)) if now != before else (),
        tuple(dict.fromkeys(variables)),
        tuple(dict.fromkeys(notes)),
        tuple(by_hand),
    )


def _of(leak: Leak, seen: list[Sighting]) -> list[Sighting]:
    return [each for each in seen if each.secret == leak.secret and not each.in_name and each.allowed is None]


def _spot(path: str, content: bytes, one: Sighting) -> Spot:
    source = read(content)
    if one.decoded and (one.decoded not in {("utf-16",), ("utf-32",)} or not source.encoding):
        raise ByHand(f"It is encoded ({', '.join(one.decoded)}), and has to be taken out by hand.")
    if not one.line:
        raise ByHand("The file is no text.")
    return locate(path, source, one.line, one.column, one.secret)


def _diff(path: str, before: bytes, after: bytes, search: Searcher) -> list[str]:
    """What changes, with every secret of the file hidden that a scan sees there, sure of it or not."""
    old, new = read(before), read(after)
    hidden: dict[str, str] = {}
    unseen: set[int] = set()
    for each in seen_in(search, path, before):
        shown = masked(each.secret, search.rules[each.rule], guessable=each.guessable).partition(" ")[0]
        try:
            _spot(path, before, each)
            hidden[each.secret.decode("latin-1")] = shown
        except ByHand:
            unseen |= {*range(each.line, each.line + each.secret.count(b"\n") + 2)}
    return list(changes(old.text, new.text, hidden=hidden, unseen=unseen))
