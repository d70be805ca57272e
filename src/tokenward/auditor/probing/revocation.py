"""How long a credential is good after its end."""

from collections.abc import Callable

from tokenward.auditor.findings import Unseen
from tokenward.auditor.probing.likeness import Verdict
from tokenward.auditor.probing.scene import Scene
from tokenward.auditor.probing.wire import CannotProbe, NoAnswer, Shot

_EVERY = 0.2  # seconds between two looks


def how_long_does_it_live(
    scene: Scene, what: str, end: Callable[[], None], shot: Shot, *, within: float
) -> None:
    """End a credential, and ask until it is refused.

    Args:
        scene: the probe.
        what: was done, for people, such as "the token was revoked".
        end: does it.
        shot: a request that is accepted until then.
        within: seconds that it may take.
    """
    try:
        end()
    except CannotProbe as error:
        scene.unseen.append(Unseen("how long a revoked token lives", str(error)))
        return
    began = scene.pace.seconds
    while True:
        try:
            accepted = scene.gun.likeness.verdict(scene.gun.send(shot)) is Verdict.ACCEPTED
        except NoAnswer:
            accepted = False
        passed = scene.pace.seconds - began
        if not accepted:
            scene.notes.append(f"Refused {passed:.1f} s after {what}.")
            return
        if passed > within:
            scene.find("probe.late-revocation", f"Still accepted {passed:.1f} s after {what}.")
            return
        scene.pace.pause(_EVERY)
