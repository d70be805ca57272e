"""What a scan asks of others and tells them, if somebody wants it to; otherwise it is not even imported."""

import sys
from collections.abc import Callable, Iterable, Sequence

from tokenward.app.consent import consents
from tokenward.app.leak_reporting import credential_of, is_local, tell_issuer
from tokenward.app.live_checks import checked, providers
from tokenward.base.redaction import redact
from tokenward.leaks.collecting import Collector
from tokenward.leaks.result import ScanResult
from tokenward.leaks.rule import Rule


def inquiry(
    rules: Iterable[Rule],
    collector: Collector,
    *,
    check: Sequence[str],
    production: bool,
    issuer: str,
    issuer_token: str,
) -> Callable[[ScanResult], ScanResult]:
    """What is to follow after a scan. Whatever is wrong with it is said before the scan.

    Args:
        rules: of the scan.
        collector: of the scan; it knows the secrets.
        check: names of providers to be asked about their credentials.
        production: whether that is permitted for credentials of production; otherwise its user is asked.
        issuer: URL of an issuer of ours to be told; "" for none.
        issuer_token: reference to an access token for that.

    Returns:
        Asks and tells; the result with the answers.

    Raises:
        ValueError: a provider cannot be asked, or the issuer cannot be told.
    """
    asked = providers(rules, check)
    credential = None
    if issuer:
        is_local(issuer)
        credential = credential_of(access_token=issuer_token)

    def inquire(result: ScanResult) -> ScanResult:
        if asked:
            result = checked(result, collector, asked, lambda *about: production or consents(*about))
        if credential is not None:
            result, failure = tell_issuer(result, issuer, credential)
            if failure:
                sys.stderr.write(f"the issuer was not told: {redact(failure)}\n")
        return result

    return inquire
