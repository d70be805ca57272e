"""Reading a command line of curl's as the curl that is installed here would: which URL, which method, what.

The token may go to one place only, so that has to be known before curl runs. Which options there are, and
which of them take a value, is asked of the curl itself (`curl --help all`). What it does not tell is refused.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_OPTION = re.compile(r"^ {1,4}(?:-(\S), |)? *--([A-Za-z0-9][\w.-]*)(?: ([<\[]))?", re.MULTILINE)
# Curl and we have to agree on where the host ends. Nothing is left out of a URL that this fits.
_URL = re.compile(r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]{1,5})?(?:[/?#][!-~]*)?")

_DATA = frozenset(
    {"data", "data-ascii", "data-binary", "data-raw", "data-urlencode", "json", "form", "form-string"}
)
_INPUT = _DATA | {"upload-file", "header"}

REFUSED: Mapping[str, str] = {
    "config": "a file could name other places for the token to go",
    "next": "one call is one URL",
    "insecure": "the token would go to whoever answers: --cacert names an authority to trust",
    "location-trusted": "a redirect could take the token anywhere",
    "trace": "it would write the token into a file",
    "trace-ascii": "it would write the token into a file",
    "libcurl": "it would write the token into a file",
    "stderr": "what is said there is masked, and could not be in a file",
    "version": "it calls nothing: ask curl itself",
    "manual": "it calls nothing: ask curl itself",
    "oauth2-bearer": "the token comes from the profile",
}
"""Options that are no good here, and why."""

_ELSEWHERE = frozenset({"connect-to", "resolve", "preproxy", "unix-socket", "abstract-unix-socket"})
"""What leads plain http to somebody else than this machine; where there is TLS, that tells."""


@dataclass(frozen=True, slots=True)
class CurlCall:
    """What a command line asks for.

    Attributes:
        url: where to.
        method: of HTTP.
        options: the long names of the options that are there.
        can_repeat: whether it can be sent a second time: nothing of it is read from standard input.
    """

    url: str
    method: str
    options: frozenset[str]
    can_repeat: bool


@dataclass(frozen=True, slots=True)
class Grammar:
    """The options of one curl.

    Attributes:
        takes_value: long name → whether a value follows.
        short: letter → long name.
    """

    takes_value: Mapping[str, bool]
    short: Mapping[str, str]

    @classmethod
    def of(cls, help_text: str) -> "Grammar":
        """From what `curl --help all` prints.

        Raises:
            ValueError: that is none.
        """
        found = _OPTION.findall(help_text)
        grammar = cls(
            {long: bool(value) for _, long, value in found},
            {short: long for short, long, _ in found if short},
        )
        if not {"header", "config", "insecure", "url", "data"} <= set(grammar.takes_value):
            raise ValueError("this curl does not tell its options by `curl --help all`")
        return grammar

    def read(self, arguments: Iterable[str]) -> CurlCall:
        """What these arguments ask for.

        Raises:
            ValueError: this curl does not know an option, one is refused here, or there is not one URL.
        """
        given, urls = self._split(arguments)
        names = frozenset(name for name, _ in given)
        for name in names & set(REFUSED):
            raise ValueError(f"--{name} is refused: {REFUSED[name]}")
        values = dict(given)  # curl, too, takes the last
        urls += [value for name, value in given if name == "url"]
        if len(urls) != 1:
            raise ValueError("say one URL: a token is shown to one API")
        if not _URL.fullmatch(urls[0]):
            raise ValueError("the URL must begin with https:// or http:// and a host, and be ASCII")
        if urls[0].startswith("http:") and names & _ELSEWHERE:
            raise ValueError(
                f"--{min(names & _ELSEWHERE)} is refused with plain http, which anybody can read"
            )
        _check_headers(value for name, value in given if name == "header")
        return CurlCall(
            urls[0],
            _method(names, values),
            names,
            not any(name in _INPUT and _is_stdin(name, value) for name, value in given),
        )

    def _split(self, arguments: Iterable[str]) -> tuple[list[tuple[str, str]], list[str]]:
        given: list[tuple[str, str]] = []
        urls: list[str] = []
        left = iter(arguments)
        for word in left:
            if word == "--":
                raise ValueError("-- is not needed: the URL may stand anywhere")
            if word.startswith("--"):
                self._long(word[2:], left, given)
            elif word.startswith("-") and word != "-":
                self._letters(word[1:], left, given)
            else:
                urls.append(word)
        return given, urls

    def _long(self, name: str, left: Iterable[str], given: list[tuple[str, str]]) -> None:
        if name in self.takes_value:
            given.append((name, self._value(name, left) if self.takes_value[name] else ""))
        elif not (name.startswith("no-") and self.takes_value.get(name[3:]) is False):
            raise ValueError(f"this curl has no option --{name}")

    def _letters(self, letters: str, left: Iterable[str], given: list[tuple[str, str]]) -> None:
        """Several options in one word, the last of which may have its value there: `-sSXPOST`."""
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter not in self.short:
                raise ValueError(f"this curl has no option -{letter}")
            name = self.short[letter]
            if self.takes_value[name]:
                given.append((name, letters or self._value(name, left)))
                return
            given.append((name, ""))

    @staticmethod
    def _value(name: str, left: Iterable[str]) -> str:
        value = next(iter(left), None)
        if value is None:
            raise ValueError(f"--{name} needs a value")
        return value


def _check_headers(headers: Iterable[str]) -> None:
    """Refuse what would stand beside the headers that come from the profile.

    Raises:
        ValueError: one is among them.
    """
    for header in headers:
        if re.split("[:;]", header)[0].strip().lower() in {"authorization", "dpop"}:
            raise ValueError("the Authorization header comes from the profile")


def _method(names: frozenset[str], values: Mapping[str, str]) -> str:
    if "request" in names:
        return values["request"]
    if "head" in names:
        return "HEAD"
    if "get" in names:
        return "GET"
    if "upload-file" in names:
        return "PUT"
    return "POST" if names & _DATA else "GET"


def _is_stdin(name: str, value: str) -> bool:
    """Whether what is sent comes from standard input; said too often rather than too rarely."""
    if name == "upload-file":
        return value in {"-", "."}
    return bool(re.search(r"(^|=)[@<]-|@-$", value))
