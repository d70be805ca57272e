"""What is answered to those who ask wrongly, too often or in vain."""

from collections.abc import Callable, Iterator

from tokenward.auditor.findings import Check
from tokenward.auditor.openapi.rule import ApiRule, Hit, OperationRule, Rule, Subject, plural
from tokenward.auditor.openapi.view import Operation
from tokenward.base.severity import Severity

_LIMIT_HEADERS = (
    "ratelimit", "ratelimit-limit", "ratelimit-policy", "x-ratelimit-limit", "x-rate-limit-limit",
    "x-ratelimit-remaining", "x-rate-limit-remaining", "ratelimit-remaining",
)  # fmt: skip
_EMPTY = frozenset({"204", "205", "304"})


def _answers(operation: Operation, *statuses: str) -> bool:
    """One of them is documented, by itself, by its class or by `default`."""
    said = {each.status.upper() for each in operation.responses}
    return bool(said & set(statuses)) or statuses[0][0] + "XX" in said or "DEFAULT" in said


def _missing(
    *statuses: str, when: Callable[[Operation], bool]
) -> Callable[[Operation, Subject], Iterator[Hit]]:
    def find(operation: Operation, subject: Subject) -> Iterator[Hit]:  # noqa: ARG001 - the form of a rule
        if operation.kind == "path" and when(operation) and not _answers(operation, *statuses):
            node = operation.node.child("responses") or operation.node
            yield Hit(node, f"{operation.label} has no {' or '.join(statuses)}.")

    return find


def _takes_input(operation: Operation) -> bool:
    # A path that fits nothing is answered 404.
    return operation.body_node is not None or any(each.where != "path" for each in operation.parameters)


def _names_record(operation: Operation) -> bool:
    return "{" in operation.path


def _scoped(operation: Operation) -> bool:
    return operation.protected and any(
        scopes for each in operation.security or () for scopes in each.wanted.values()
    )


def _no_limits(subject: Subject) -> Iterator[Hit]:
    calls = subject.api.calls
    told = any(
        name in response.headers for each in calls for response in each.responses for name in _LIMIT_HEADERS
    )
    if calls and not told:
        yield Hit(
            subject.api.root, f"No answer of {plural(len(calls), 'operation')} tells how many calls are left."
        )


def _no_retry_after(operation: Operation, subject: Subject) -> Iterator[Hit]:  # noqa: ARG001 - the form of a rule
    for response in operation.responses:
        if response.status == "429" and "retry-after" not in response.headers and operation.kind == "path":
            yield Hit(response.node, f"The 429 of {operation.label}.")


def _untyped(operation: Operation, subject: Subject) -> Iterator[Hit]:  # noqa: ARG001 - the form of a rule
    if operation.kind != "path" or operation.method == "HEAD":
        return
    for response in operation.responses:
        if response.status.startswith("2") and response.status not in _EMPTY:
            for media in response.media:
                if media.schema is None and "json" in media.media_type:
                    yield Hit(media.node, f"{media.media_type} of {response.status} of {operation.label}.")


def _body_of_get(operation: Operation, subject: Subject) -> Iterator[Hit]:  # noqa: ARG001 - the form of a rule
    if operation.method in {"GET", "HEAD"} and operation.body_node is not None:
        yield Hit(operation.body_node, f"The body of {operation.label}.")


def _trace(operation: Operation, subject: Subject) -> Iterator[Hit]:  # noqa: ARG001 - the form of a rule
    if operation.method == "TRACE":
        yield Hit(operation.node, f"{operation.label}.")


def _missing_rule(
    name: str,
    title: str,
    severity: Severity,
    *statuses: str,
    when: Callable[[Operation], bool],
    why: str,
    attack: str,
    fix: str,
    references: tuple[str, ...] = ("OWASP API8:2023",),
) -> OperationRule:
    check = Check(f"openapi.{name}", title, severity, why, attack, fix, references, "as-code")
    return OperationRule(check, "responses", _missing(*statuses, when=when))


RULES: tuple[Rule, ...] = (
    _missing_rule(
        "response-401-missing",
        "No 401, though credentials are asked for",
        Severity.LOW,
        "401",
        when=lambda it: it.protected,
        why="Nobody decided what is answered without a credential, so that it is whatever the code "
        "happens to do.",
        attack="Differences between refusals tell which records, users or tokens exist.",
        fix="Document one shared 401 with `WWW-Authenticate`.",
        references=("RFC 9110 §15.5.2", "RFC 6750 §3", "OWASP API8:2023"),
    ),
    _missing_rule(
        "response-403-missing",
        "No 403, though scopes are asked for",
        Severity.INFO,
        "403",
        "404",
        when=_scoped,
        why="Nobody decided what is answered to a token that is valid and not good enough.",
        attack="Where the refusal was forgotten, there may be none.",
        fix="Document one shared 403, or 404 where it must not be told that there is something.",
        references=("RFC 9110 §15.5.4", "OWASP API5:2023"),
    ),
    _missing_rule(
        "response-404-missing",
        "No 404, though a record is named",
        Severity.INFO,
        "404",
        when=_names_record,
        why="Nobody decided what is answered for records that are not there or not the caller's.",
        attack="Different answers for what is not there and what is another's tell which ids exist.",
        fix="Document one shared 404 for both.",
        references=("RFC 9110 §15.5.5", "OWASP API1:2023"),
    ),
    _missing_rule(
        "response-400-missing",
        "No refusal of bad input",
        Severity.LOW,
        "400",
        "422",
        when=_takes_input,
        why="Nobody decided what happens to input that does not fit, so that nobody tests it either.",
        attack="Bad input gets as far as an error of the database, and its text comes back.",
        fix="Document one shared 400 or 422, and check input against the schema.",
        references=("RFC 9110 §15.5.1", "OWASP API8:2023", "CWE-20"),
    ),
    _missing_rule(
        "response-415-missing",
        "No refusal of other media types",
        Severity.INFO,
        "415",
        "400",
        "422",
        when=lambda it: it.body_node is not None,
        why="Nobody decided what happens to a body of another type than the documented ones.",
        attack="XML or a form goes where JSON was meant, into a parser that nobody meant to offer.",
        fix="Document 415, and refuse what is not in the list.",
        references=("RFC 9110 §15.5.16", "OWASP API8:2023"),
    ),
    _missing_rule(
        "response-429-missing",
        "No limit on how often one may call",
        Severity.LOW,
        "429",
        when=lambda it: True,  # noqa: ARG005 - every operation
        why="As far as the document tells, nobody counts calls.",
        attack="Guessing passwords, trying ids and copying all data is only a question of bandwidth.",
        fix="Limit calls at the gateway, and document one shared 429 with `Retry-After`.",
        references=("OWASP API4:2023", "RFC 6585 §4"),
    ),
    _missing_rule(
        "response-500-missing",
        "No word of what fails inside",
        Severity.INFO,
        "500",
        "503",
        when=lambda it: True,  # noqa: ARG005 - every operation
        why="Nobody decided how much is told when something breaks.",
        attack="Whoever makes something break reads traces and queries.",
        fix="Document one shared `5XX` or `default` with a schema that has no room for internals.",
        references=("OWASP API8:2023", "RFC 9457"),
    ),
    ApiRule(
        Check(
            "openapi.rate-limit-undocumented",
            "Nothing tells how many calls are left",
            Severity.LOW,
            why="Well-meaning clients cannot slow down before they are refused, and limits that "
            "nobody sees are few.",
            attack="A client in a loop is as good as an attack, and nobody notices the difference.",
            fix="Answer `RateLimit` and `RateLimit-Policy`, and document them in one shared header.",
            references=("OWASP API4:2023", "draft-ietf-httpapi-ratelimit-headers"),
            recommendation="as-code",
        ),
        "responses",
        _no_limits,
    ),
    OperationRule(
        Check(
            "openapi.retry-after-missing",
            "A 429 that does not say when to come back",
            Severity.INFO,
            why="Clients try again at once, all together.",
            attack="The refusal itself makes the storm that it is meant to end.",
            fix="Answer `Retry-After`.",
            references=("RFC 6585 §4", "RFC 9110 §10.2.3", "OWASP API4:2023"),
            recommendation="as-code",
        ),
        "responses",
        _no_retry_after,
    ),
    OperationRule(
        Check(
            "openapi.answer-untyped",
            "An answer without a schema",
            Severity.LOW,
            why="Nobody can tell what is given away, and no test notices when it becomes more.",
            attack="A field that was added to a table is answered to everybody from then on.",
            fix="Write a schema of each answer, and let tests hold the API to it.",
            references=("OWASP API3:2023", "OWASP API9:2023"),
            recommendation="as-code",
        ),
        "responses",
        _untyped,
    ),
    OperationRule(
        Check(
            "openapi.body-of-get",
            "GET with a body",
            Severity.LOW,
            why="A body has no meaning there: some on the way drop it, some refuse it, some take it "
            "for the next request.",
            attack="Where two machines disagree, one request hides in another (request smuggling).",
            fix="Take parameters, or POST, or QUERY in OpenAPI 3.2.",
            references=("RFC 9110 §9.3.1", "CWE-444"),
            recommendation="trust-no-one",
        ),
        "responses",
        _body_of_get,
    ),
    OperationRule(
        Check(
            "openapi.method-trace",
            "TRACE is offered",
            Severity.MEDIUM,
            why="It answers with the request as it arrived, with the credentials and headers that "
            "were added on the way.",
            attack="A script, or a client that may not see a header, reads it in the answer.",
            fix="Remove it, and refuse it everywhere.",
            references=("RFC 9110 §9.3.8", "OWASP API8:2023"),
            recommendation="trust-no-one",
        ),
        "responses",
        _trace,
    ),
)
