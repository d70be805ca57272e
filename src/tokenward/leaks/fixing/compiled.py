"""Languages that read an environment variable by one expression; a row each."""

import re
from dataclasses import dataclass

from tokenward.base.references import Reference
from tokenward.leaks.fixing.literals import around, in_place, literal
from tokenward.leaks.fixing.rewriting import Rewrite, Rewritten
from tokenward.leaks.fixing.spot import ByHand, Spot


@dataclass(frozen=True, slots=True)
class Language:
    """How a language reads a variable.

    Attributes:
        read: the expression; `%s` is the variable's name.
        quotes: of its strings.
        raw: those of them in which a backslash is one.
        comments: what begins one that goes to the end of the line.
        plus: what joins strings.
        special: letters before a quote that make another kind of string, which is left to people.
        fixed: what says that an expression is no use there, and why.
    """

    read: str
    quotes: str = '"'
    raw: str = ""
    comments: tuple[str, ...] = ("//",)
    plus: str = " + "
    special: str = ""
    fixed: tuple[tuple[str, str], ...] = ()


_CASE = (r"^\s*case\b", "A case must be a constant.")
_ANNOTATION = (r"@\w+\s*\([^)]*$", "An annotation takes constants only.")

JAVA = Language('System.getenv("%s")', fixed=(_CASE, _ANNOTATION))
KOTLIN = Language(
    'System.getenv("%s")', fixed=(_ANNOTATION, (r"\bconst\s+val\b", "It is a constant: take `const` away."))
)
CSHARP = Language(
    'Environment.GetEnvironmentVariable("%s")',
    special="$@",
    fixed=(
        _CASE,
        (r"\bconst\b", "It is a constant: make it `static readonly`."),
        (r"^\s*\[", "An attribute takes constants only."),
    ),
)
GO = Language('os.Getenv("%s")', quotes='"`', raw="`")
RUBY = Language('ENV.fetch("%s")', quotes="\"'", comments=("#",))
PHP = Language(
    "getenv('%s')",
    quotes="\"'",
    comments=("//", "#"),
    plus=" . ",
    fixed=((r"\bconst\b", "It is a constant."),),
)


def rewriter(language: Language) -> Rewrite:
    """The rewriting of that language."""

    def rewrite(spot: Spot, kept: Reference, name: str) -> Rewritten:
        write = language.read % name
        context = around(spot, quotes=language.quotes, comments=language.comments, raw=language.raw)
        if context.kind == "comment" or spot.before.lstrip().startswith(("*", "/*")):
            return Rewritten(spot.replaced(spot.start, spot.end, f"{kept.scheme}:{kept.place}"))
        for pattern, why in language.fixed:
            if re.search(pattern, spot.before):
                raise ByHand(why, write)
        context = literal(spot, context, write)
        beside = spot.text[context.begin - 1 : context.begin]
        if (
            beside in {*language.special, context.quote}
            or spot.text[context.end : context.end + 1] == context.quote
        ):
            raise ByHand("It stands in a string of a special kind.", write)
        return Rewritten(in_place(spot, context, write, language.plus), name)

    return rewrite


_CONST = re.compile(r"(?m)^(\s*)const(\s+\w+(?:\s+string)?\s*=\s*)")
_GROUP = re.compile(r"(?m)^const\s*\([^)]*\Z")
_IMPORTS = re.compile(r"(?m)^import\s*(?P<group>\()?")
_PACKAGE = re.compile(r"(?m)^package\s+\w+[^\n]*\n")


def go(spot: Spot, kept: Reference, name: str) -> Rewritten:
    """Go: a constant becomes a variable, and `os` is imported."""
    if _GROUP.search(spot.text[: spot.line[0]]):
        raise ByHand("It is a constant: move it to a `var`.", GO.read % name)
    done = rewriter(GO)(spot, kept, name)
    if not done.variable:
        return done
    begin = spot.line[0]
    head, rest = done.text[:begin], done.text[begin:]
    text = head + _CONST.sub(r"\1var\2", rest, count=1) if _CONST.match(spot.before) else done.text
    if not re.search(r'(?m)^\s*(?:import\s+)?"os"\s*$', text):
        text = _importing_os(text, spot.ending, name)
    return Rewritten(text, name)


def _importing_os(text: str, ending: str, name: str) -> str:
    imports, package = _IMPORTS.search(text), _PACKAGE.search(text)
    if package is None:
        raise ByHand("The file has no package clause.", GO.read % name)
    if imports is None:
        return f'{text[: package.end()]}{ending}import "os"{ending}{text[package.end() :]}'
    if imports["group"]:
        return f'{text[: imports.end()]}{ending}\t"os"{text[imports.end() :]}'
    return f'{text[: imports.start()]}import "os"{ending}{text[imports.start() :]}'
