"""Calling an API with the system's curl, which is given the token where nobody else can see it.

The token goes to curl through a pipe, as a configuration (`--config /dev/fd/N`): it is in no argument list,
no environment and no file. What curl says on standard error (`--verbose` shows headers) goes through a mask.
"""

import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from tokenward.app.workstation.curl_arguments import CurlCall, Grammar
from tokenward.app.workstation.masking import Masked, Secrets
from tokenward.client.errors import TokenError
from tokenward.client.presenting import Call, Presenter
from tokenward.client.token import Token
from tokenward.client.token_source import TokenSource

KEEPS_TO_ITSELF = (7, 83)
"""The curl from which on a redirect to another port or scheme of the same host takes no `Authorization` along
(CVE-2022-27776)."""

_QUESTION_SECONDS = 10
_PIECE = 65_536
_REFUSAL = 1_000_000
"""Bytes of an answer of 401 that are kept until it is known whether there is a better one."""
_STATUS = re.compile(rb"HTTP/[\d.]+ (\d{3})")
_QUOTED = re.compile(r"[ !#-\[\]-~]+")


class CurlError(Exception):
    """There is no curl that will do. The text says what to do."""


@dataclass(frozen=True, slots=True)
class Curl:
    """A curl, and what it understands."""

    program: str
    grammar: Grammar

    @classmethod
    def installed(cls) -> "Curl":
        """The one that is found by its name.

        Raises:
            CurlError: there is none, or it is too old to tell its options.
        """
        program = shutil.which("curl")
        if program is None or os.name != "posix":
            raise CurlError("there is no curl here: install it, or use tokenward.client in a program")
        try:
            return cls(program, Grammar.of(_ask(program, "--help", "all")))
        except ValueError as error:
            raise CurlError(str(error)) from None

    def read(self, arguments: Sequence[str]) -> CurlCall:
        """What these arguments ask for.

        Raises:
            CurlError: that is refused, or this curl does not know it.
        """
        try:
            call = self.grammar.read(arguments)
        except ValueError as error:
            raise CurlError(str(error)) from None
        if "location" in call.options and self._version() < KEEPS_TO_ITSELF:
            raise CurlError("this curl is older than 7.83 and may take the token along on a redirect (-L)")
        return call

    def _version(self) -> tuple[int, ...]:
        found = re.match(r"curl (\d+)\.(\d+)", _ask(self.program, "--version"))
        return tuple(int(number) for number in found.groups()) if found else (0,)

    def run(self, arguments: Sequence[str], call: CurlCall, source: TokenSource, audience: str) -> int:
        """Call the API; once more, with what has changed, where it refuses the token or wants a nonce.

        Args:
            arguments: curl's.
            call: what they ask for.
            source: where tokens come from.
            audience: the API that may see them, by URL.

        Returns:
            Curl's exit code.

        Raises:
            TokenError: there is no token, or the URL is not the API's.
        """
        presented = Presenter(source, [audience]).call(call.method, call.url)
        while True:
            token = source.token()
            code, again = self._once(arguments, call, presented, token)
            if not again:
                return code

    def _once(
        self, arguments: Sequence[str], call: CurlCall, presented: Call, token: Token
    ) -> tuple[int, bool]:
        """One sending: the exit code, and whether another makes sense; then nothing of it was shown."""
        headers = presented.headers(token)
        secrets = Secrets()
        secrets.add(token.value)
        reading, writing = os.pipe()
        with tempfile.TemporaryFile() as answered:
            command = [self.program, "--disable", *arguments, *_added(call, reading, answered.fileno())]
            try:
                os.write(writing, _configuration(headers))  # under what a pipe holds
                os.close(writing)
                child = subprocess.Popen(  # noqa: S603 - the person's own call, without a shell
                    command,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    pass_fds=(reading, answered.fileno()),
                )
            finally:
                os.close(reading)
            with child:
                assert child.stdout is not None and child.stderr is not None  # noqa: S101, PT018 - for mypy
                talk = threading.Thread(target=_pass_on, args=(child.stderr, secrets), daemon=True)
                talk.start()
                piece = os.read(child.stdout.fileno(), _PIECE)
                status, fields = _answer(answered)
                if status == 401 and call.can_repeat:
                    piece += _more(child.stdout, _REFUSAL)
                    if presented.again(token, call.url, status, fields):
                        child.stdout.close()
                        child.wait()
                        talk.join()
                        return 0, True
                _show(piece, child.stdout)
                talk.join()
        return child.returncode, False


def _ask(program: str, *question: str) -> str:
    try:
        return subprocess.run(  # noqa: S603 - curl, about itself
            [program, "--disable", *question],
            capture_output=True, text=True, check=False, timeout=_QUESTION_SECONDS,
        ).stdout  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CurlError(f"curl cannot be run: {type(error).__name__}") from None


def _added(call: CurlCall, configuration: int, answered: int) -> list[str]:
    """What goes behind the person's own arguments, and counts before them."""
    added = ["--globoff", "--config", f"/dev/fd/{configuration}"]
    if "dump-header" not in call.options:
        added += ["--dump-header", f"/dev/fd/{answered}"]
    if os.isatty(1) and not call.options & {"output", "remote-name", "progress-bar"}:
        added.append("--no-progress-meter")  # as if curl itself wrote to the terminal
    if call.url.startswith("http:"):
        added += ["--noproxy", "*"]  # it is this machine, and no proxy may read along
    return added


def _configuration(headers: Sequence[tuple[str, str]]) -> bytes:
    """The headers as curl's configuration (curl(1), `--config`).

    Raises:
        TokenError: the token holds what no token does, and might say something else to curl.
    """
    for _, value in headers:
        if not _QUOTED.fullmatch(value):
            raise TokenError("malformed_response", "the token holds characters that no token has (RFC 6750)")
    return "".join(f'header = "{name}: {value}"\n' for name, value in headers).encode()


def _answer(answered: IO[bytes]) -> tuple[int, dict[str, str]]:
    """Status and headers of the last answer, which curl has written before the first byte of its body."""
    blocks = os.pread(answered.fileno(), _REFUSAL, 0).split(b"\r\n\r\n")
    block = next((each for each in reversed(blocks) if each.startswith(b"HTTP/")), b"")
    first, *lines = block.split(b"\r\n")
    found = _STATUS.match(first)
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.decode("latin-1").partition(":")
        key = name.strip().lower()
        fields[key] = f"{fields[key]}, {value.strip()}" if key in fields else value.strip()
    return int(found[1]) if found else 0, fields


def _more(body: IO[bytes], most: int) -> bytes:
    """What else was answered, as far as it is short enough to wait for."""
    found = b""
    while len(found) < most and (piece := os.read(body.fileno(), _PIECE)):
        found += piece
    return found


def _show(piece: bytes, rest: IO[bytes]) -> None:
    """Pass on what the API answered, until nobody reads it any more."""
    with suppress(BrokenPipeError):
        while piece:
            while piece:
                piece = piece[os.write(1, piece) :]
            piece = os.read(rest.fileno(), _PIECE)
    rest.close()


def _pass_on(talk: IO[bytes], secrets: Secrets) -> None:
    """Pass on what curl says about itself, masked."""
    masked = Masked(secrets)
    while piece := os.read(talk.fileno(), _PIECE):
        os.write(2, masked.feed(piece))
    os.write(2, masked.end())
