"""From a live API and one good credential to what it lets through."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Never

from tokenward.auditor.attacks import Kit
from tokenward.auditor.findings import Result, Unseen
from tokenward.auditor.openapi.view import Api
from tokenward.auditor.probing.binding import are_proofs_checked, is_replay_caught
from tokenward.auditor.probing.browsers import (
    are_callers_mixed,
    is_cookie_enough,
    is_other_user_told,
    may_caches_share,
    may_others_read,
)
from tokenward.auditor.probing.firing import Gun, Outcome, Trial
from tokenward.auditor.probing.folding import gaps
from tokenward.auditor.probing.issuer import JWKS, TestIssuer, serving
from tokenward.auditor.probing.likeness import Look, Verdict
from tokenward.auditor.probing.operations import look_through
from tokenward.auditor.probing.pace import Pace, Sleep, Stopped
from tokenward.auditor.probing.presenting import presented
from tokenward.auditor.probing.revocation import how_long_does_it_live
from tokenward.auditor.probing.scene import Scene
from tokenward.auditor.probing.tokens import (
    TRAPS,
    altered,
    forgeable,
    is_jwt,
    luring,
    nonsense,
    of_table,
)
from tokenward.auditor.probing.wire import Answer, CannotProbe, NoAnswer, Shot, Uncarriable, Wire
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.secret import Secret
from tokenward.tokens.algorithms import ALGORITHMS
from tokenward.tokens.keys import SigningKey

STORM = 10
"""Fetches of the key set during one probe, beyond which each unknown key fetches it."""

_NAMES = 4  # of trials that a finding tells; the number of the others follows


@dataclass(frozen=True, slots=True)
class Asked:
    """What to probe, and with what.

    Attributes:
        url: of the operation.
        method: of it.
        token: a good token; None where a test issuer signs, or a cookie is the credential.
        jwks: the public keys of the token's issuer, for attacks that are made of them.
        document: the API's, whose operations are called one by one; None for none.
        other_token: a good token of another user, who must not get what the first one gets: from `url`, or
            where there is a document from every operation whose path names one thing.
        cookie: a good `Cookie` header field.
        test_issuer: host and port (0 for any) of an issuer that the target trusts; None for none.
        issuer: its identifier; "" for its URL.
        audience: who its tokens are for.
        claims: what its tokens say beside that.
        reachable: whether the target can reach our loopback addresses.
        unsafe: whether methods that change things may be used.
        rate: requests a second, at most.
        limit: seconds for all of it.
        timeout: seconds for an answer.
        patience: seconds that the target may take until it knows the test issuer's keys.
        authorities: a file of certificates; "" for the system's.
        revoke: revokes the token; None where nobody can.
        withdraw_keys: at the end, see how long withdrawn keys live.
        within: seconds that a revocation may take.
    """

    url: str
    method: str = "GET"
    token: Secret | None = None
    jwks: Mapping[str, Any] = field(default_factory=lambda: {"keys": []})
    document: Api | None = None
    other_token: Secret | None = None
    cookie: Secret | None = None
    test_issuer: tuple[str, int] | None = None
    issuer: str = ""
    audience: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)
    reachable: bool = True
    unsafe: bool = False
    rate: float = 10.0
    limit: float = 600.0
    timeout: float = 10.0
    patience: float = 10.0
    authorities: str = ""
    revoke: Callable[[], None] | None = None
    withdraw_keys: bool = False
    within: float = 10.0


class Watcher:
    """Is told how far a probe is. This one does not listen."""

    def begins(self, trials: int) -> None:
        """So many trials are going to be fired."""

    def fired(self) -> None:
        """One was."""

    def listens(self, issuer: str) -> None:
        """The test issuer answers at this URL."""

    def waits(self) -> None:
        """The target does not take its tokens yet."""


def probe(
    asked: Asked, *, clock: Clock = SYSTEM_CLOCK, sleep: Sleep = time.sleep, watcher: Watcher | None = None
) -> Result:
    """Fire everything that goes with what was given. Ctrl-C ends it early, and keeps what was found.

    Raises:
        CannotProbe: nothing can be found out.
    """
    pace = Pace(clock, sleep, rate=asked.rate, limit=asked.limit)
    with ExitStack() as stack:
        wire = Wire(clock, timeout=asked.timeout, authorities=asked.authorities)
        stack.callback(wire.close)
        issuer = stack.enter_context(_issuer(asked, clock))
        watcher = watcher or Watcher()
        if asked.test_issuer is not None:
            watcher.listens(issuer.url)
        return _Run(asked, clock, wire=wire, pace=pace, issuer=issuer, watcher=watcher).run()


def _issuer(asked: Asked, clock: Clock) -> Any:  # noqa: ANN401 - a context of a TestIssuer
    def make(url: str) -> TestIssuer:
        return TestIssuer(url, issuer=asked.issuer, audience=asked.audience, claims=asked.claims, clock=clock)

    return serving(make, asked.test_issuer or ("127.0.0.1", 0))


class _Run:
    def __init__(
        self, asked: Asked, clock: Clock, *, wire: Wire, pace: Pace, issuer: TestIssuer, watcher: Watcher
    ) -> None:
        self._asked = asked
        self._clock = clock
        self._issuer = issuer
        self._watcher = watcher
        self._own = asked.test_issuer is not None
        self._algorithm = ""
        base = Shot(asked.method, asked.url)
        gun = Gun(wire, pace, good=lambda: self._bear(base), bad=lambda: [base], told=watcher.fired)
        stranger = self._stranger()
        self._scene = Scene(
            base=base,
            wire=wire,
            pace=pace,
            gun=gun,
            issuer=issuer,
            bear=self._bear,
            kit=self._kit if self._own or stranger is not None else None,
            own=self._own,
            reachable=asked.reachable or self._own,
        )
        self._foreign = stranger
        self._outcomes: list[Outcome] = []

    def _stranger(self) -> SigningKey | None:
        """The attacker's key, of the good token's algorithm; None where that is no JWT."""
        token = self._asked.token
        if token is None or not is_jwt(token.reveal()):
            return None
        kit = Kit(good=token.reveal(), now=0, jwks={}, keys={}, stranger=SigningKey.generate())
        algorithm = kit.header().get("alg")
        if isinstance(algorithm, str) and algorithm in ALGORITHMS and not ALGORITHMS[algorithm].symmetric:
            return SigningKey.generate(algorithm)
        return kit.stranger

    def _kit(self) -> Kit:
        if self._own:
            return self._issuer.kit(self._algorithm)
        assert self._asked.token is not None, "or there is no kit"  # noqa: S101 - see __init__
        assert self._foreign is not None, "or there is no kit"  # noqa: S101 - see __init__
        now = int(self._clock.time())
        return Kit(self._asked.token.reveal(), now, self._asked.jwks, {}, self._foreign)

    def _good(self) -> str:
        if self._own:
            return self._kit().good
        assert self._asked.token is not None, "asked for where there is one"  # noqa: S101
        return self._asked.token.reveal()

    def _bear(self, shot: Shot) -> Shot:
        if self._own or self._asked.token is not None:
            try:
                return shot.bearing(self._good())
            except Uncarriable as error:
                raise CannotProbe(f"the token cannot be sent: {error}") from None
        assert self._asked.cookie is not None, "checked by the caller"  # noqa: S101
        return shot.plus(("Cookie", self._asked.cookie.reveal().encode()))

    def run(self) -> Result:
        scene, complete = self._scene, True
        try:
            scene.gun.aim(self._refused_until_trusted() if self._own else None)
            if scene.gun.mixed:
                scene.find(
                    "probe.mixed-callers",
                    "What was refused without a token was answered after a good request.",
                )
            else:
                self._fire()
                self._look_around()
        except Stopped as stopped:
            scene.notes.append(f"It ended early: {stopped}.")
            complete = False
        except KeyboardInterrupt:
            scene.notes.append("It was interrupted.")
            complete = False
        self._conclude()
        return self._result(complete=complete)

    def _refused_until_trusted(self) -> Answer:
        """The answer without a token, once one is accepted.

        A target may look for new keys now and then only, and take one algorithm only.
        """
        scene, first = self._scene, True
        statuses: dict[str, int] = {}
        try:
            nothing = scene.gun.send(scene.base)
            while True:
                for algorithm in self._issuer.kit().keys:
                    self._algorithm = algorithm
                    answer = scene.gun.send(self._bear(scene.base))
                    if 200 <= answer.status < 300 and Look.of(answer) != Look.of(nothing):
                        return nothing
                    statuses[algorithm] = answer.status
                if scene.pace.seconds > self._asked.patience:
                    self._give_up(statuses)
                if first:
                    self._watcher.waits()
                    first = False
                scene.pace.pause(1.0)
        except NoAnswer as error:
            raise CannotProbe(f"{scene.base.url}: {error}") from None

    def _give_up(self, statuses: Mapping[str, int]) -> Never:
        if all(200 <= status < 300 for status in statuses.values()):
            raise CannotProbe(
                "it answers alike with a good token and with none: it is open to everybody, or nothing can "
                "be told from its answers"
            )
        told = ", ".join(f"{name}: {status}" for name, status in statuses.items())
        url = f"{self._issuer.url}{JWKS}"
        fetched = f"nobody has asked for {url}; does it keep the keys of an earlier probe? Restart it then"
        if self._issuer.fetches[JWKS]:
            fetched = "it has fetched the keys"
        raise CannotProbe(
            f"the target takes no token of the test issuer {self._issuer.issuer} for the audience "
            f"{self._asked.audience!r} ({told}); {fetched}"
        )

    def _fire(self) -> None:
        trials, gun = list(self._trials()), self._scene.gun
        self._watcher.begins(len(trials))
        for outcome in gun.fire(trials[:1]):
            # A token that is bad may be refused in other words than one that is missing.
            if outcome.verdict is not Verdict.ACCEPTED and outcome.answer is not None:
                gun.learn_refusal(outcome.answer)
        for outcome in gun.fire(trials):
            self._outcomes.append(outcome)

    def _trials(self) -> Iterator[Trial]:
        scene = self._scene
        if not self._own and self._asked.token is None:
            scene.leave_out("tokens", "no good one was given, nor a test issuer")
            return
        yield nonsense(scene.base)
        yield from presented(scene.base, self._good)
        if scene.kit is None:
            yield from altered(scene.base, self._good)
            scene.leave_out("the table of attacks", "the token is no JWT, so that there is nothing to forge")
            return
        able, unable = forgeable(scene.kit())
        yield from of_table(able, scene.base, scene.kit)
        if unable:
            why = (
                "only whoever has the issuer's keys could make them, or the token has not the claims that"
                " they change: --test-issuer, or --jwks for some"
            )
            scene.leave_out(f"{len(unable)} tokens", why)
        if scene.reachable:
            yield from luring(scene.base, scene.kit, self._issuer)
        else:
            scene.leave_out("addresses in tokens", "the target cannot reach us: --test-issuer HOST:PORT")
        if self._own:
            yield from are_proofs_checked(scene)

    def _look_around(self) -> None:
        scene, asked = self._scene, self._asked
        may_others_read(scene)
        may_caches_share(scene)
        if self._own:
            are_callers_mixed(scene)
            if any(each.trial.check == "probe.dpop-proof" for each in self._outcomes):
                is_replay_caught(scene)
        if asked.cookie is not None:
            is_cookie_enough(scene, asked.cookie.reveal().encode(), unsafe=asked.unsafe)
        if asked.other_token is not None and asked.document is None:
            is_other_user_told(scene, scene.base.bearing(asked.other_token.reveal()))
        if asked.document is not None:
            look_through(scene, asked.document, asked.other_token)
        shot = scene.bear(scene.base)
        if asked.revoke is not None:
            how_long_does_it_live(scene, "the token was revoked", asked.revoke, shot, within=asked.within)
        elif self._own and asked.withdraw_keys:
            how_long_does_it_live(
                scene, "its key was withdrawn", self._issuer.remove_keys, shot, within=asked.within
            )

    def _conclude(self) -> None:
        """From outcomes to findings."""
        scene = self._scene
        kit = scene.kit() if scene.kit is not None else None
        for check, gap in gaps(self._outcomes, kit).items():
            verb = "Refused" if check == "probe.scheme-case" else "Accepted"
            more = f" So were {gap.followers} other bad tokens, which this explains." if gap.followers else ""
            statuses = ", ".join(map(str, sorted(gap.statuses)))
            scene.find(check, f"{verb}: {_some(gap.names)}.{more}", facts={"Answer": statuses})
        self._complain()
        trapped = [name for name in TRAPS if self._issuer.caught(name)]
        if trapped:
            scene.find("probe.address-fetched", f"It fetched what these named: {', '.join(trapped)}.")
        fetched = self._issuer.fetches[JWKS]
        if self._own and fetched > STORM:
            scene.find(
                "probe.key-set-storm", f"It fetched the keys {fetched} times in {scene.pace.seconds:.0f} s."
            )
        for each in self._outcomes:
            if each.verdict is Verdict.UNCLEAR and each.answer is not None:
                scene.unseen.append(Unseen(f"{each.trial.check}: {each.trial.name}", each.why))

    def _complain(self) -> None:
        complaints: dict[str, list[tuple[str, str]]] = {}
        for outcome in self._outcomes:
            for check, detail in outcome.complaints:
                complaints.setdefault(check, []).append((outcome.trial.name, detail))
        refused = sum(each.verdict is Verdict.REFUSED for each in self._outcomes)
        for check, told in complaints.items():
            details = Counter(detail for _, detail in told if detail)
            what = ", ".join(f"{detail}" for detail, _ in details.most_common(_NAMES))
            names = _some([name for name, _ in told])
            text = f"{len(told)} of {refused} refusals{f' ({what})' if what else ''}: {names}."
            self._scene.find(check, text)

    def _result(self, *, complete: bool) -> Result:
        scene = self._scene
        answered = [each for each in self._outcomes if each.answer is not None]
        verdicts = Counter(each.verdict for each in answered)
        seconds = scene.pace.seconds
        return Result(
            subject=scene.place,
            findings=tuple(scene.found),
            unseen=tuple(scene.unseen),
            numbers={
                "requests": scene.pace.sent,
                "seconds": round(seconds, 1),
                "trials": len(answered),
                **{verdict.value: verdicts[verdict] for verdict in Verdict},
            },
            pace=f"{scene.pace.sent} requests in {seconds:.1f} s",
            notes=tuple(scene.notes),
            complete=complete,
        )


def _some(names: Iterable[str]) -> str:
    told = list(names)
    more = len(told) - _NAMES
    return "; ".join(told[:_NAMES]) + (f" and {more} more" if more > 0 else "")
