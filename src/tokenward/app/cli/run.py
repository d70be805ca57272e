"""`tokenward up` and `tokenward demo`: start the servers and stay."""

import contextlib
import errno
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path
from types import FrameType
from typing import Annotated

import httpx
import typer
from rich.markup import escape

from tokenward.app.cli.console import DEFAULT_CONFIG, REFUSED, ConfigPath, err, fail, out
from tokenward.app.cli.opening import open_configuration
from tokenward.app.config import Configuration
from tokenward.app.consistency import listeners
from tokenward.app.demo import SERVICE, Demo, running_demo
from tokenward.app.engines.front import Front, fronted
from tokenward.app.engines.program import EngineMissing, Refused
from tokenward.app.reloading import Reloader
from tokenward.app.story import Story, Unexpected
from tokenward.app.story_steps import STEPS
from tokenward.app.supervisor import CannotStart, Supervisor, bind_all, server_plans
from tokenward.flows.errors import FlowError


def up(
    config: ConfigPath = DEFAULT_CONFIG,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="envoy|nginx",
            help="Let it carry the traffic, at the gateway's address; the gateway decides behind it.",
        ),
    ] = None,
) -> None:
    """Start the issuer, the gateway and the admin listener, and keep them running.

    Each is told by tokenward.yaml where to listen. Ctrl+C ends them, letting running requests finish.

    When tokenward.yaml or an OpenAPI document that it names changes, and on SIGHUP, both are read anew: if
    they are good, new servers take over and the difference is told; if not, what runs is kept.

    Examples: tokenward up; tokenward up --engine envoy
    """
    configuration = open_configuration(config)
    try:
        with contextlib.ExitStack() as stack:
            front = stack.enter_context(fronted(engine, configuration)) if engine is not None else None
            _serve(configuration, front)
    except OSError as error:
        fail(f"{error.strerror or error}: stop what listens there, or change it in {config}")
    except (CannotStart, EngineMissing, Refused) as error:
        fail(str(error))


def _serve(configuration: Configuration, front: Front | None) -> None:
    settings = configuration.settings
    inner = front.sockets if front is not None else {}
    addresses = {name: (at.host, at.port) for name, at in listeners(settings).items() if name not in inner}
    sockets = bind_all(addresses) | inner
    beside = [front.process()] if front is not None else []
    supervisor = Supervisor(
        [*server_plans(configuration, sockets), *beside], metrics=configuration.base_dir / "data" / "metrics"
    )

    def start(after: Configuration) -> None:
        supervisor.replace(server_plans(after, sockets))
        if front is None:
            return
        try:
            front.change(after)
        except CannotStart:
            # What is decided by one configuration must not be routed by another.
            supervisor.replace(server_plans(reloader.configuration, sockets))
            raise

    reloader = Reloader(configuration, start=start, tell=lambda line: err.print(line, markup=False))

    def every_second() -> None:
        reloader.look()
        if front is not None:
            front.look()

    with (
        _until_stopped(supervisor),
        _reloaded_on_hangup(reloader),
        supervisor.running(on_ready=lambda name: err.print(f"{name} is ready")),
    ):
        out.print(f"issuer   {settings.issuer.url}")
        out.print(f"gateway  {settings.gateway.url}")
        out.print(f"admin    http://{settings.admin.listen.host}:{settings.admin.listen.port}")
        supervisor.watch(_tell_restart, every_second=every_second)


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Tell the story by itself on free ports, then end.")
    ] = False,
    directory: Annotated[
        Path | None,
        typer.Option(help="Where it keeps its files; default data/demo, a temporary one with --once."),
    ] = None,
) -> None:
    """Start everything with two sample APIs, and print the commands that tell the story.

    With --once the story is played over real HTTP: every step shows what was sent and what came back, with
    secrets masked, and the exit code is 0 only if each step had the outcome that it should.
    """
    try:
        if not once:
            _stay(directory or Path("data/demo"))
        elif directory is not None:
            _tell(directory)
        else:
            with tempfile.TemporaryDirectory(prefix="tokenward-demo-") as temporary:
                _tell(Path(temporary))
    except OSError as error:
        mend = ": stop what listens there; `tokenward demo --once` needs no port of its own"
        taken = error.errno == errno.EADDRINUSE
        fail(f"cannot start: {error.strerror or error}{mend if taken else ''}")
    except (CannotStart, ValueError) as error:
        fail(f"cannot start: {error}")


@contextlib.contextmanager
def _started(directory: Path, *, free_ports: bool) -> Generator[Demo]:
    with contextlib.ExitStack() as stack:
        with err.status("starting issuer, gateway, admin and two sample APIs …"):
            running = stack.enter_context(running_demo(directory, free_ports=free_ports))
        yield running


def _stay(directory: Path) -> None:
    with _started(directory, free_ports=False) as running, _until_stopped(running.supervisor):
        out.print(_poster(running))
        running.supervisor.watch(_tell_restart)


def _tell(directory: Path) -> None:
    with _started(directory, free_ports=True) as running, httpx.Client(trust_env=False) as http:
        story = running.story(http)
        failed = [step for number, step in enumerate(STEPS, 1) if not _play(story, number)]
    if failed:
        err.print(f"{len(failed)} of {len(STEPS)} steps went wrong", style="bold red")
        raise typer.Exit(REFUSED)
    out.print(f"[bold green]all {len(STEPS)} steps had the expected outcome[/]")


def _play(story: Story, number: int) -> bool:
    step = STEPS[number - 1]
    story.exchanges.clear()
    problem = ""
    try:
        step(story)
    except Unexpected as unexpected:
        problem = str(unexpected)
    except (FlowError, httpx.HTTPError, LookupError, ValueError) as error:
        problem = f"{type(error).__name__}: {error}"
    out.print(f"\n[bold]{number:2}. {escape((step.__doc__ or '').splitlines()[0])}[/]")
    for exchange in story.exchanges:
        for line in exchange.sent.splitlines():
            out.print(f"    [cyan]→[/] {escape(line)}")
        for line in exchange.received.splitlines():
            out.print(f"    [magenta]←[/] {escape(line)}")
    if problem:
        out.print(f"    [bold red]✗ {escape(problem)}[/]")
        return False
    out.print("    [green]✓[/]")
    return True


_POSTER = """\
[bold]Tokenward is running.[/]  Ctrl+C ends it; its log is {directory}/demo.log

  issuer   {issuer}   issues opaque tokens
  gateway  {gateway}   the only way in: /weather (risk low), /bank (risk moderate, transfers high)
  admin    {admin}   health, metrics, management; loopback only
  weather  {weather}   a sample API: refuses whoever does not come through the gateway
  bank     {bank}   another, likewise

[bold]The story in five commands[/]  (the secret lies in {directory}/demo.env, new at every start)

  . {directory}/demo.env
[cyan]1[/] TOKEN=$(curl -s -u {service}:$DEMO_SECRET {issuer}/token \\
      -d grant_type=client_credentials -d scope=accounts:read | grep -oE 'tkw_at_[0-9A-Za-z]+')
[cyan]2[/] curl -s -H "Authorization: Bearer $TOKEN" {gateway}/bank/accounts
[cyan]3[/] curl -s -H "Authorization: Bearer $TOKEN" {gateway}/bank/transfers \\
      -H 'Content-Type: application/json' \\
      -d '{{"from":"current","to":"savings","amount":"10.00","currency":"EUR"}}'
[cyan]4[/] curl -s -u {service}:$DEMO_SECRET {issuer}/revoke -d token=$TOKEN
[cyan]5[/] sleep 1; curl -s -i -H "Authorization: Bearer $TOKEN" {gateway}/bank/accounts
"""


def _poster(running: Demo) -> str:
    return _POSTER.format(directory=running.directory, service=SERVICE, **running.urls)


@contextlib.contextmanager
def _until_stopped(supervisor: Supervisor) -> Generator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        supervisor.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _reloaded_on_hangup(reloader: Reloader) -> Generator[None]:
    def ask(_number: int, _frame: FrameType | None) -> None:
        reloader.ask()

    before = signal.signal(signal.SIGHUP, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _tell_restart(name: str, code: int) -> None:
    err.print(f"the {name} process ended with exit code {code}; starting it again", style="yellow")
