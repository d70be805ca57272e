"""`tokenward decide`: the decision on one request, step by step, without sending it."""

import asyncio
from dataclasses import replace
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.markup import escape

from tokenward.app.cli.console import (
    DEFAULT_CONFIG,
    REFUSED,
    ConfigPath,
    fail,
    out,
    read_credential,
    read_data,
)
from tokenward.app.cli.opening import with_foundation
from tokenward.app.cli.told_steps import tell_steps
from tokenward.app.foundation import Foundation
from tokenward.app.servers import gateway_engine
from tokenward.base.secret import Secret
from tokenward.gateway.access import AccessRequest, Allow, Decision, HeldBody, Preflight, Step
from tokenward.gateway.contract.operation import MAX_BODY

FEED_SECONDS = 5.0


def decide(
    method: Annotated[str, typer.Argument(help="The request method, such as GET.")],
    url: Annotated[
        str,
        typer.Argument(
            help="A path at the gateway, such as /bank/accounts, or a URL, which may be of an API that "
            "protects itself."
        ),
    ],
    credential: Annotated[
        str | None,
        typer.Argument(
            metavar="[-|@FILE]", help="A token, from standard input or a file; none asks without one."
        ),
    ] = None,
    proof: Annotated[
        str | None,
        typer.Option(
            metavar="-|@FILE",
            help="The DPoP proof that comes with the token; it is used up, as it would be at the gateway.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="-|@FILE", help="The JSON body that comes with it; none by default."),
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Tell what the gateway would decide about a request, and why. Nothing is sent; exit 1 means refused.

    Every step of the decision is shown, up to the one that refuses. The token is looked up in the store, as
    the gateway would, and is never an argument: @FILE names a file, - is standard input or a prompt.

    For example:

      tokenward decide GET /bank/accounts @token.txt

      tokenward decide POST /bank/transfers - --proof @proof.txt --data @transfer.json < token.txt
    """
    request = _request(
        method,
        url,
        token=read_credential(credential, what="token") if credential is not None else None,
        proof=read_credential(proof, what="proof") if proof is not None else None,
        data=read_data(data, MAX_BODY + 1) if data is not None else b"",
    )

    async def work(ground: Foundation) -> tuple[Decision, list[Step]]:
        there, origin, _ = ground.configuration.at(url)
        engine, follower = await gateway_engine(replace(ground, configuration=there), origin=origin)
        following = asyncio.create_task(follower.run())
        try:
            async with asyncio.timeout(FEED_SECONDS):
                while not follower.confirmed:  # noqa: ASYNC110 - the follower tells nobody when
                    await asyncio.sleep(0.01)
            return await engine.explain(request)
        except TimeoutError:
            fail("the revocation feed cannot be read, so nothing can be decided")
        finally:
            following.cancel()

    decision, steps = with_foundation(config, work)
    tell_steps(steps)
    if isinstance(decision, Allow):
        if decision.would_deny is not None:
            out.print(f"[bold yellow]report only[/] would be refused: {decision.would_deny.code}")
        target = " | ".join(address + decision.upstream_path for address in decision.pool.addresses)
        out.print(f"[bold green]allow[/] {escape(decision.operation)} → {escape(target)}")
        return
    if isinstance(decision, Preflight):
        out.print(f"[bold green]preflight[/] {escape(decision.operation)}: answered here")
        return
    problem = decision.problem
    out.print(f"[bold red]deny[/] {problem.status} {problem.code}: {escape(problem.text)}")
    if decision.challenge:
        out.print(f"     WWW-Authenticate: {escape(decision.challenge)}")
    raise typer.Exit(REFUSED)


def _request(
    method: str, url: str, *, token: Secret | None, proof: Secret | None, data: bytes
) -> AccessRequest:
    try:
        parts = urlsplit(url)
    except ValueError:
        fail("that is no URL")
    headers = [(b"host", parts.netloc.encode())]
    if token is not None:
        scheme = "Bearer" if proof is None else "DPoP"
        headers.append((b"authorization", f"{scheme} {token.reveal()}".encode()))
    if proof is not None:
        headers.append((b"dpop", proof.reveal().encode()))
    if data:
        headers.append((b"content-type", b"application/json"))
    try:
        return AccessRequest(
            method=method,
            raw_path=parts.path.encode("ascii"),
            query=parts.query.encode("ascii"),
            headers=tuple(headers),
            peer="127.0.0.1",
            host=parts.netloc,
            body=HeldBody(data),
        )
    except UnicodeEncodeError:
        fail("a URL is ASCII: percent-encode what is not")
