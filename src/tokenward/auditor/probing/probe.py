"""From a live API and one good credential to what it lets through."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Never

from tokenward.auditor.attacks import Kit
from tokenward.auditor.findings import Result
from tokenward.auditor.probing.asked import Asked, Watcher
from tokenward.auditor.probing.binding import (
    are_certificates_checked,
    are_proofs_checked,
    bound_by,
    is_replay_caught,
)
from tokenward.auditor.probing.browsers import (
    are_callers_mixed,
    is_other_user_told,
    may_caches_share,
    may_others_read,
)
from tokenward.auditor.probing.concluding import conclude
from tokenward.auditor.probing.cross_site import SAFE, is_cookie_enough, same_origin
from tokenward.auditor.probing.firing import Gun, Outcome, Trial
from tokenward.auditor.probing.holder import Holder
from tokenward.auditor.probing.issuer import JWKS, TestIssuer, serving
from tokenward.auditor.probing.likeness import Look, Verdict
from tokenward.auditor.probing.operations import look_through
from tokenward.auditor.probing.pace import Pace, Sleep, Stopped
from tokenward.auditor.probing.presenting import presented
from tokenward.auditor.probing.revocation import how_long_does_it_live
from tokenward.auditor.probing.scene import Scene
from tokenward.auditor.probing.tokens import (
    altered,
    confirmation,
    forgeable,
    is_jwt,
    luring,
    nonsense,
    of_table,
)
from tokenward.auditor.probing.wire import Answer, CannotProbe, NoAnswer, Shot, Uncarriable, Wire
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.tokens.algorithms import ALGORITHMS
from tokenward.tokens.keys import SigningKey


def probe(
    asked: Asked, *, clock: Clock = SYSTEM_CLOCK, sleep: Sleep = time.sleep, watcher: Watcher | None = None
) -> Result:
    """Fire everything that goes with what was given. Ctrl-C ends it early, and keeps what was found.

    Raises:
        CannotProbe: nothing can be found out.
    """
    pace = Pace(clock, sleep, rate=asked.rate, limit=asked.limit)
    with ExitStack() as stack:
        wire = Wire(
            clock, timeout=asked.timeout, authorities=asked.authorities, certificate=asked.certificate
        )
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
        self._holder = Holder(clock, asked.dpop_key)
        base = Shot(asked.method, asked.url, holder=self._holder if asked.dpop_key is not None else None)
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
            now=clock.time,
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
        cookie = shot.plus(("Cookie", self._asked.cookie.reveal().encode()))
        return cookie if shot.method in SAFE else cookie.plus(*same_origin(shot.url))

    def run(self) -> Result:
        scene, complete = self._scene, True
        try:
            self._aim()
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
        conclude(scene, self._outcomes)
        return self._result(complete=complete)

    def _aim(self) -> None:
        """Learn what accepted looks like; a token that is bound must say so to what it was given with."""
        scene, asked = self._scene, self._asked
        if self._own:
            scene.gun.aim(self._refused_until_trusted())
            return
        bound = confirmation(asked.token.reveal()) if asked.token is not None else {}
        ours = self._holder.thumbprint
        if asked.dpop_key is not None and bound.get("jkt", ours) != ours:
            raise CannotProbe("the token is bound to another key than the one that was given (`cnf.jkt`)")
        unproven = "jkt" in bound and asked.dpop_key is None
        unshown = "x5t#S256" in bound and asked.certificate is None
        try:
            scene.gun.aim()
        except CannotProbe as error:
            ways = ["--dpop-key"] * unproven + ["--client-certificate"] * unshown
            more = f". The token is bound to what {' and '.join(ways)} would name" if ways else ""
            if not ways and asked.dpop_key is None and "WWW-Authenticate: DPoP" in str(error):
                more = ". It asks for tokens that are bound to a key (RFC 9449): --dpop-key names it"
            raise CannotProbe(f"{error}{more}") from None
        if unproven:
            scene.find("probe.dpop-downgrade", "It is bound to a key (`cnf.jkt`), and no proof was sent.")
        if unshown:
            told = "It is bound to a certificate (`cnf`), and none was shown."
            scene.find("probe.certificate-binding", told)

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
            yield from self._binding()
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
        yield from self._binding()

    def _binding(self) -> Iterator[Trial]:
        """Tokens that are bound: ours to any key, another issuer's to the one that was given."""
        scene, certificate = self._scene, self._asked.certificate
        if self._own or self._asked.dpop_key is not None:
            yield from are_proofs_checked(scene, self._holder, self._bound())
        if certificate is None:
            return
        said = {"x5t#S256": certificate.thumbprint}
        if self._own:
            yield from are_certificates_checked(scene, lambda: scene.signed(cnf=said), is_bound=True)
        elif scene.kit is None:
            yield from are_certificates_checked(scene, self._good, is_bound=False)
        elif confirmation(self._good()).get("x5t#S256") == certificate.thumbprint:
            yield from are_certificates_checked(scene, self._good, is_bound=True)
        else:
            why = "the token is not bound to the one that was given"
            scene.leave_out("tokens bound to a certificate", why)

    def _bound(self) -> Callable[[], str]:
        """Tokens bound to the holder's key."""
        return bound_by(self._scene, self._holder) if self._own else self._good

    def _look_around(self) -> None:
        scene, asked = self._scene, self._asked
        may_others_read(scene)
        may_caches_share(scene)
        if self._own:
            are_callers_mixed(scene)
        if any(each.trial.check == "probe.dpop-proof" for each in self._outcomes):
            is_replay_caught(scene, self._holder, self._bound())
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
