"""Fires shots at one operation and judges the answers, with controls before, between and after."""

import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tokenward.auditor.attacks import Attack
from tokenward.auditor.probing.callers import Caller
from tokenward.auditor.probing.likeness import Likeness, Verdict
from tokenward.auditor.probing.pace import PATIENCE, Pace, Stopped
from tokenward.auditor.probing.refusals import (
    SLOW_SECONDS,
    SLOW_TIMES,
    complaints,
    is_b64token,
    is_nonce_wanted,
)
from tokenward.auditor.probing.wire import Answer, CannotProbe, NoAnswer, Shot, Uncarriable, Wire

CONTROL_EVERY = 25
"""Shots between two controls."""

BURST = 3
"""Answers of 5xx, or none, in a row after which a control is due at once."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One hostile request, and the check that accepting it would fail.

    Attributes:
        check: an id of `checks.CHECKS`.
        name: what is peculiar to it, for people.
        shot: makes the request when it is due. Raises `Uncarriable` where HTTP cannot carry it.
        malformed: whether its syntax is wrong, so that 400 is a good answer.
        secret: what was presented, which no answer should repeat; "" for nothing worth hiding.
        row: of the attack table; None for what is not from there.
        right: what the answer should be.
        first: makes a good request to be sent just before; None for none.
    """

    check: str
    name: str
    shot: Callable[[], Shot]
    malformed: bool = False
    secret: Callable[[], str] = field(default=lambda: "")
    row: Attack | None = None
    right: Verdict = Verdict.REFUSED
    first: Callable[[], Shot] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a trial.

    Attributes:
        trial: which.
        verdict: of the answer.
        answer: None where the connection broke.
        complaints: what is wrong with the refusal: (id of a check, what is peculiar).
        why: it could not be judged, in words; "" where it could.
    """

    trial: Trial
    verdict: Verdict
    answer: Answer | None
    complaints: tuple[tuple[str, str], ...] = ()
    why: str = ""


class Gun:
    """Aims at one operation.

    Args:
        wire: sends.
        pace: makes it wait.
        good: makes a request that must be accepted, afresh each time.
        bad: requests that must not be.
        told: is called after each trial.

    Attributes:
        mixed: what was refused before a good request was accepted after it: a cache goes by the address.
    """

    def __init__(
        self,
        wire: Wire,
        pace: Pace,
        *,
        good: Callable[[], Shot],
        bad: Callable[[], Iterable[Shot]],
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self._wire = wire
        self._pace = pace
        self._good = good
        self._bad = bad
        self._told = told
        self._accepted: list[Answer] = []
        self._refused: list[Answer] = []
        self._likeness: Likeness | None = None
        self.mixed = False

    @property
    def likeness(self) -> Likeness:
        """What was learnt."""
        assert self._likeness is not None, "aim first"  # noqa: S101 - a mistake of the caller
        return self._likeness

    @property
    def accepted(self) -> Answer:
        """The last answer that was known to be good."""
        return self._accepted[-1]

    def send(self, shot: Shot) -> Answer:
        """One request, at its pace. A busy target is left alone for as long as it asks, and asked again.

        Raises:
            NoAnswer: the connection broke.
            Stopped: the time is up, or the target stays busy.
        """
        nonces = 0
        for _ in range(PATIENCE):
            self._pace.wait()
            answer = self._wire.send(shot)
            if shot.holder is not None:
                shot.holder.hear(answer.value("dpop-nonce"))
            wanted = self._pace.wanted(answer)
            if wanted is None and shot.late is not None and not nonces and is_nonce_wanted(answer):
                nonces += 1  # its proofs are made anew
            elif wanted is None:
                return answer
            else:
                self._pace.pause(wanted)
        raise Stopped("the target stays busy (429 or 503)")

    def aim(self, refused: Answer | None = None) -> None:
        """Learn what accepted and refused look like.

        Args:
            refused: the answer to the first bad request, where that was sent before any good one.

        Raises:
            CannotProbe: the good credential is not accepted, or the two cannot be told apart.
        """
        shots = list(self._bad())
        try:
            bad = [self.send(shot) for shot in (shots if refused is None else shots[1:])]
            bad = bad if refused is None else [refused, *bad]
            good = [self.send(self._good())]
            if not 200 <= good[0].status < 300:
                told = good[0].value("www-authenticate")
                raise CannotProbe(
                    f"the good token is not accepted, so nothing can be told: {good[0].status}"
                    + (f", WWW-Authenticate: {told[:300]}" if told else "")
                )
            again = self.send(shots[0])
            # Once more, at another moment: what changes from answer to answer tells nothing.
            good += [self.send(self._good()) for _ in range(2)]
        except NoAnswer as error:
            raise CannotProbe(f"{shots[0].url}: {error}") from None
        self._likeness = Likeness.learn(good, bad)
        self._accepted, self._refused = good, bad
        self.mixed = self._likeness.verdict(again) is Verdict.ACCEPTED
        if any(self._likeness.verdict(each) is not Verdict.ACCEPTED for each in good):
            raise CannotProbe(
                "the answers to the good token differ so much that nothing can be told from them"
            )

    def learn_refusal(self, answer: Answer) -> None:
        """Another answer that is known to be a refusal, unless it looks like an acceptance."""
        try:
            self._likeness = Likeness.learn(self._accepted, [*self._refused, answer])
        except CannotProbe:
            return
        self._refused.append(answer)

    def control(self) -> bool:
        """Whether the good credential is still accepted; asks twice."""
        for _ in range(2):
            try:
                answer = self.send(self._good())
            except NoAnswer:
                self._pace.pause(1.0)
                continue
            verdict = self.likeness.verdict(answer)
            if verdict is Verdict.ACCEPTED:
                self._accepted = [*self._accepted[-5:], answer]
                return True
            if verdict is Verdict.UNCLEAR and answer.status == self._accepted[0].status:
                self._relearn(answer)
                return True
            self._pace.pause(1.0)
        return False

    def _relearn(self, answer: Answer) -> None:
        """The good answer looks otherwise than before: what changed does not tell anything any more."""
        accepted = [*self._accepted, answer]
        self._likeness = Likeness.learn(accepted, self._refused)
        self._accepted = accepted

    def fire(self, trials: Iterable[Trial]) -> Iterator[Outcome]:
        """All of them, in order. What lies before a control that fails is not handed out.

        Raises:
            Stopped: the target is not healthy any more, or the time is up.
        """
        pending: list[Outcome] = []
        failing = 0
        for trial in trials:
            outcome = self._one(trial)
            self._told()
            pending.append(outcome)
            broken = outcome.answer is None or outcome.answer.status >= 500
            failing = failing + 1 if broken and not outcome.why else 0
            if len(pending) >= CONTROL_EVERY or failing >= BURST:
                self._confirm(pending)
                yield from self._settled(pending)
                pending, failing = [], 0
        if pending:
            self._confirm(pending)
            yield from self._settled(pending)

    def _confirm(self, pending: list[Outcome]) -> None:
        if not self.control():
            raise Stopped(
                f"the good token is not accepted any more, so the last {len(pending)} answers say nothing: "
                "the token has ended, the target locks out whoever tries tokens, or it is not well"
            )

    def _settled(self, outcomes: list[Outcome]) -> Iterator[Outcome]:
        """What was unclear, slow or without an answer is tried once more."""
        for outcome in outcomes:
            yield self._one(outcome.trial) if self._is_doubtful(outcome) else outcome

    def _is_doubtful(self, outcome: Outcome) -> bool:
        if outcome.answer is None:
            return not outcome.why
        return outcome.verdict is Verdict.UNCLEAR or self._is_slow(outcome.answer)

    def _one(self, trial: Trial) -> Outcome:
        try:
            first = trial.first() if trial.first is not None else None
            shot = trial.shot()
        except Uncarriable as error:
            return Outcome(trial, Verdict.UNCLEAR, None, why=str(error))
        try:
            if first is not None:
                self.send(first)
            answer = self.send(shot)
        except NoAnswer as error:
            # Whoever shows no certificate, or a wrong one, may well be refused before HTTP begins.
            broken = () if shot.caller is not Caller.ITSELF else (("probe.unstable", str(error)),)
            return Outcome(trial, Verdict.REFUSED, None, broken)
        verdict = self.likeness.verdict(answer)
        if verdict is Verdict.ACCEPTED:
            return Outcome(trial, verdict, answer)
        if verdict is Verdict.UNCLEAR:
            why = f"{answer.status}, which looks neither like the good answer nor like a refusal"
            return Outcome(trial, verdict, answer, why=why)
        return Outcome(trial, verdict, answer, tuple(self._complaints(trial, answer)))

    def _complaints(self, trial: Trial, answer: Answer) -> Iterator[tuple[str, str]]:
        soft = self.likeness.is_soft(answer)
        token = trial.secret()
        malformed = trial.malformed or (token != "" and not is_b64token(token))
        yield from complaints(answer, malformed=malformed, soft=soft, token=token)
        if self._is_slow(answer):
            yield "probe.slow-refusal", f"{answer.seconds:.1f} s"

    def _is_slow(self, answer: Answer) -> bool:
        usual = statistics.median(each.seconds for each in self._accepted)
        return answer.seconds > max(SLOW_SECONDS, SLOW_TIMES * usual)
