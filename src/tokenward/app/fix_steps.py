"""The steps by which a leak is mended, each told, and taken on a yes.

    keep the secret -> rewrite the lines -> exchange the secret -> say what history holds -> scan from now on

The secret is safe before a line changes, and a line changes whole or not at all. Nothing that is told holds
a secret, and no program is given one as an argument.
"""

import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from tokenward.app.fix_leaks import Ground, Leak, NotHere
from tokenward.app.fix_plan import FilePlan, name_of, plan
from tokenward.app.git_hooks import CLIENT, HookError, hooks_directory, install, program, status
from tokenward.app.secret_places import CannotKeep, Places
from tokenward.app.working_tree import committed, top
from tokenward.base.files import rewrite
from tokenward.base.references import Reference, keyring_entry
from tokenward.base.secret import Secret
from tokenward.leaks.fixing.shell import fetched
from tokenward.leaks.searching import Searcher

OURS = "Tokenward"
"""The provider of the rules for what we issue."""


class Outcome(Enum):
    """What became of a leak."""

    MENDED = "mended"
    LEFT = "left"


class Talk(Protocol):
    """How a person is told and asked."""

    def tell(self, text: str, style: str = "") -> None:
        """Say something."""

    def diff(self, path: str, lines: Iterable[str]) -> None:
        """Show what changes in a file."""

    def agreed(self, question: str) -> bool:
        """Ask for a yes."""

    def chosen(self, question: str, default: str) -> str:
        """Ask for a word."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What the issuer here can do about a credential of its own.

    Attributes:
        question: whether to do it.
        do: does it; the new secret, or None where nothing takes the old one's place.
    """

    question: str
    do: Callable[[], Secret | None]


@dataclass(frozen=True, slots=True)
class Desk:
    """What mending needs.

    Attributes:
        here: where the files are.
        search: searches a file.
        places: where secrets are kept.
        to: the place that was asked for: a reference, a scheme, or "".
        name: that was asked for; "" to take it from the line.
        dry_run: only tell.
        renewal: what the issuer here can do about a secret; None where it knows it not, or is not here.
        talk: how a person is told and asked.
    """

    here: Ground
    search: Searcher
    places: Places
    to: str
    name: str
    dry_run: bool
    renewal: Callable[[Leak], Renewal | None] = field(repr=False)
    talk: Talk


def mend(desk: Desk, leak: Leak) -> Outcome:
    """Walk through the mend of one leak.

    Raises:
        CannotKeep: the place that was asked for cannot be used. Nothing was changed.
    """
    talk = desk.talk
    talk.tell(f"{leak.rule.what}: {leak.masked}", "bold")
    try:
        secret = Secret(leak.secret.decode())
    except UnicodeDecodeError:
        talk.tell("It is no UTF-8 text: take it out by hand, and exchange it.", "yellow")
        return Outcome.LEFT
    name = desk.name or name_of(leak, desk.here, desk.search)
    reference, home = _where(desk, name, secret)
    plans = _plans(desk, leak, reference, reference.place if reference.scheme == "env" else name)
    _show(talk, plans)
    if desk.dry_run:
        talk.tell(f"It would be kept at {_told(home)}.")
        renewal = desk.renewal(leak)
        if renewal is None:
            _tell_exchange(talk, leak, home)
        else:
            talk.tell(f"It would be asked: {renewal.question}")
        _tell_history(desk, leak)
        talk.tell("")
        return Outcome.LEFT
    rewritten = _rewritten(desk, plans, home, secret)
    _tell_use(talk, plans, home, written=rewritten)
    renewed = _exchanged(desk, leak, home, kept=rewritten)
    _tell_history(desk, leak)
    talk.tell("")
    by_hand = any(each.by_hand for each in plans) or not plans
    return Outcome.MENDED if rewritten and not by_hand and renewed else Outcome.LEFT


def afterwards(desk: Desk) -> None:
    """Let git's hooks scan from now on, if they do not."""
    if top(desk.here.root) is None:
        return
    try:
        directory = hooks_directory(desk.here.root)
        missing = [hook for hook in CLIENT if not status(hook, directory).installed]
        if not missing:
            return
        names = " and ".join(hook.name for hook in missing)
        if desk.dry_run:
            desk.talk.tell(f"No hook scans before {names}: tokenward hook install")
        elif desk.talk.agreed(f"Let git's hooks {names} scan, so that the next one is not committed?"):
            for hook in missing:
                desk.talk.tell(f"{install(hook, directory, program()).path}: installed")
    except HookError as error:
        desk.talk.tell(f"No hook was installed: {error}", "yellow")


def _where(desk: Desk, name: str, secret: Secret) -> tuple[Reference, Reference]:
    """What the files refer to, and where the secret lies."""
    wanted, number = desk.to, 1
    if not wanted and not desk.dry_run:
        default = _told(_free(desk, "", name, secret))
        wanted = desk.talk.chosen("Keep it at", default)
    if ":" in wanted:
        reference = desk.places.reference(wanted, name)
        number = 0
    else:
        reference = _free(desk, wanted, name, secret)
    home = desk.places.home(reference, name)
    if number == 0 and reference.scheme == "env":
        home = _free(desk, "", reference.place, secret)
    return reference, home


def _free(desk: Desk, scheme: str, name: str, secret: Secret) -> Reference:
    """A place of our choice that holds nothing else: several secrets may have one name."""
    for number in range(1, 100):
        numbered = f"{name}_{number}" if number > 1 else name
        reference = desk.places.reference(scheme, numbered)
        if desk.places.free(desk.places.home(reference, numbered), secret):
            return reference
    raise CannotKeep(f"a hundred other secrets are called {name}: name another place")


def _plans(desk: Desk, leak: Leak, reference: Reference, name: str) -> list[FilePlan]:
    plans = []
    for path in leak.paths:
        try:
            plans.append(plan(path, leak, reference, name, desk.here, desk.search))
        except NotHere as error:
            desk.talk.tell(f"{path}: {error}", "yellow")
    return plans


def _show(talk: Talk, plans: Sequence[FilePlan]) -> None:
    for each in plans:
        if each.changes:
            talk.diff(each.path, each.diff)
        for line, left in each.by_hand:
            talk.tell(f"{each.path}:{line}: by hand. {left.why}", "yellow")
            if left.write:
                talk.tell(f"  write: {left.write}")
        for note in each.notes:
            talk.tell(note, "yellow")


def _rewritten(desk: Desk, plans: Sequence[FilePlan], home: Reference, secret: Secret) -> bool:
    """Keep the secret, and rewrite; whether both was done."""
    talk, changing = desk.talk, [each for each in plans if each.changes]
    if changing:
        question = f"Keep it at {_told(home)}, and change {', '.join(each.path for each in changing)} so?"
    elif any(left.write for each in plans for _, left in each.by_hand):
        question = f"Keep it at {_told(home)}, for when you have written that?"
    else:
        return False
    if not talk.agreed(question):
        return False
    desk.places.keep(home, secret)
    talk.tell(f"kept at {_told(home)}", "green")
    done = True
    for each in changing:
        try:
            rewrite(desk.here.located(each.path), each.after, was=each.before)
            talk.tell(f"{each.path}: rewritten", "green")
        except (OSError, NotHere) as error:
            why = error.strerror if isinstance(error, OSError) else error
            talk.tell(f"{each.path}: left as it is. {why}", "red")
            done = False
    return done


def _tell_use(talk: Talk, plans: Sequence[FilePlan], home: Reference, *, written: bool) -> None:
    for variable in dict.fromkeys(variable for each in plans for variable in each.variables):
        if written:
            talk.tell(f'Where it starts: {variable}="{fetched(home, variable)}" COMMAND …')


def _exchanged(desk: Desk, leak: Leak, home: Reference, *, kept: bool) -> bool:
    """Exchange what leaked where its issuer is here, otherwise say where: whether that is done, or told."""
    renewal = desk.renewal(leak)
    if renewal is None:
        _tell_exchange(desk.talk, leak, home)
        return True
    if kept and home.scheme == "cmd":
        desk.talk.tell("What a command gives is exchanged by hand: nothing can be put there.", "yellow")
        _tell_exchange(desk.talk, leak, home)
        return False
    if home not in desk.places.mine and not desk.places.free(home, Secret(leak.secret.decode())):
        desk.talk.tell(f"{_told(home)} holds another secret: the new one cannot go there.", "yellow")
        return False
    if not desk.talk.agreed(renewal.question):
        return False
    new = renewal.do()
    if new is None:
        desk.talk.tell("It is over.", "green")
        return True
    try:
        desk.places.mine.add(home)  # the old one, which is worth nothing any more
        desk.places.keep(home, new)
    except CannotKeep as error:
        desk.talk.tell(
            f"The old one is over, and the new one could not be kept: {error}. Rotate it again.", "red"
        )
        return False
    desk.talk.tell(f"The old one is over; the new one is at {_told(home)}.", "green")
    return True


def _tell_exchange(talk: Talk, leak: Leak, home: Reference) -> None:
    if leak.rule.provider == OURS:
        talk.tell(
            "Its issuer ends it, and gives a new one: there by `tokenward clients rotate-secret … --now "
            "--compromised`, `tokenward keys rotate …` or `tokenward tokens revoke …`; from here `tokenward "
            "scan --report-to ISSUER` ends it."
        )
    elif leak.rule.rotate:
        talk.tell(f"Exchange it, for whoever saw it can use it: {leak.rule.rotate}")
    else:
        talk.tell("Exchange it wherever it opens something, for whoever saw it can use it.")
    if home.scheme == "keyring":
        words = " ".join(map(shlex.quote, keyring_entry(home.place)))
        talk.tell(
            f"Then put the new one in its place; it asks for it, and shows nothing: keyring set {words}"
        )
    elif home.scheme == "file":
        talk.tell(f"Then put the new one in its place: {home.place}")


def _tell_history(desk: Desk, leak: Leak) -> None:
    paths = [path for path in leak.paths if committed(desk.here.root / path)]
    if paths:
        desk.talk.tell(
            f"The history of {', '.join(paths)} may hold it, here and in every clone: only the exchange "
            "helps. `tokenward scan --history` tells in which commits."
        )


def _told(reference: Reference) -> str:
    return f"{reference.scheme}:{reference.place}"
