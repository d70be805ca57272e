"""What kind of text a file is, by its name: where a bare word is a value, and where it is a variable."""

from enum import Enum
from typing import Final

from tokenward.leaks.detectors.assignments.vocabulary import words
from tokenward.leaks.text import Text


class Kind(Enum):
    """How values stand in a file."""

    CODE = "code"  # literals are in quotes
    QUOTED = "quoted configuration"  # the same: JSON, TOML, HCL, SQL
    CONFIG = "configuration"  # bare words are values
    SHELL = "script"  # bare words are values
    MARKUP = "markup"  # attributes are in quotes, elements hold bare words
    PROSE = "prose"  # people write about passwords
    GENERATED = "generated"  # nobody wrote it


_SUFFIXES: Final[dict[str, Kind]] = {
    suffix: kind
    for kind, suffixes in {
        Kind.CODE: """
            .py .pyi .pyx .js .ts .jsx .tsx .mjs .cjs .mts .java .kt .kts .scala .cs .go .rs
            .swift .m .mm .c .h .cc .cpp .cxx .hpp .hh .php .php3 .phtml .inc .rb .erb .rake .pl
            .pm .t .lua .r .dart .groovy .gradle .vb .vbs .vue .svelte .ex .exs .erl .hrl .hs
            .clj .cljs .ml .mli .fs .sol .jl .nim .zig .coffee .pas .d .asm .s .proto .el .lisp
            .scm .tcl .awk .haml .jsp .asp .aspx .ejs .ipynb .as
            """,
        Kind.QUOTED: """
            .json .json5 .jsonc .toml .tf .tfvars .hcl .sql .ddl .nix .dhall .graphql .gql .har
            .postman_collection
            """,
        Kind.CONFIG: """
            .yml .yaml .ini .cfg .conf .cnf .properties .env .config .envrc .template .tpl .j2
            .tmpl .dist .sample .example .local .dev .prod .production .staging .cf .service .rc
            .settings .prefs .ovpn .netrc .htpasswd .pgpass .npmrc .log .out .csv .tsv .http
            .rest
            """,
        Kind.SHELL: """
            .sh .bash .zsh .fish .ksh .ps1 .psm1 .psd1 .bat .cmd .command .mk .make .dockerfile
            .containerfile
            """,
        Kind.MARKUP: """
            .xml .plist .xaml .csproj .pubxml .pom .xsl .xslt .wsdl .xsd .resx .iml .html .htm
            .xhtml .svg .jelly .storyboard .ui .rdp
            """,
        Kind.PROSE: """
            .md .markdown .rst .txt .adoc .asciidoc .tex .org .textile .rdoc .pod .wiki .mdx
            .mediawiki .me
            """,
        Kind.GENERATED: """
            .lock .map .po .pot .mo .css .scss .less .sum
            """,
    }.items()
    for suffix in suffixes.split()
}
_NAMES: Final[dict[str, Kind]] = {
    "dockerfile": Kind.SHELL,
    "containerfile": Kind.SHELL,
    "makefile": Kind.SHELL,
    "vagrantfile": Kind.CODE,
    "jenkinsfile": Kind.CODE,
    "rakefile": Kind.CODE,
    "gemfile": Kind.CODE,
    "package-lock.json": Kind.GENERATED,
    "npm-shrinkwrap.json": Kind.GENERATED,
    "pnpm-lock.yaml": Kind.GENERATED,
    "changelog": Kind.PROSE,
    "readme": Kind.PROSE,
    "news": Kind.PROSE,
    "license": Kind.PROSE,
    "copying": Kind.PROSE,
    "pkg-info": Kind.PROSE,
    "metadata": Kind.PROSE,
}


def kind(text: Text) -> Kind:
    """The kind of a file; configuration where nothing is known, as names without a suffix are most often."""
    name = text.name
    if name in _NAMES:
        return _NAMES[name]
    if ".min." in name or ".bundle." in name or name.endswith((".pb.go", "_pb2.py")):
        return Kind.GENERATED
    if name.startswith(".env"):
        return Kind.CONFIG
    return _SUFFIXES.get(text.suffix, Kind.CONFIG)


_TRIED: Final = words("""
    test tests testing testdata test-data __tests__ spec specs fixture fixtures mock mocks __mocks__
    example examples sample samples demo demos doc docs documentation e2e integration-tests molecule
    """)


_TRANSLATED: Final = words(
    "i18n l10n locale locales lang langs language languages translation translations nls resx lproj"
)


def translated(text: Text) -> bool:
    """Whether the file holds what an interface says to people, by its path."""
    parts = text.path.lower().replace("!", "/").split("/")
    if not _TRANSLATED.isdisjoint(parts[:-1]):
        return True
    return parts[-1].startswith(("localstrings", "messages", "strings.", "lang")) or text.suffix in {
        ".resx",
        ".strings",
        ".po",
    }


_SETTINGS: Final = words(
    ".env .properties .ini .cfg .conf .cnf .tfvars .config .local .production .staging .dev"
)


def configures(text: Text) -> bool:
    """Whether the file does nothing else than to set values for a program. YAML and JSON hold anything."""
    return text.suffix in _SETTINGS or text.name.startswith(".env")


def only_tried(text: Text) -> bool:
    """Whether the file is a test's, an example's or documentation's, by its path."""
    written = text.path.replace("!", "/")
    parts = written.lower().split("/")
    if not _TRIED.isdisjoint(parts[:-1]):
        return True
    name = parts[-1]
    stem = name.split(".", 1)[0]
    if name.endswith((".example", ".sample", ".dist", ".template")):
        return True
    if written.rsplit("/", 1)[-1].split(".", 1)[0].endswith(("Test", "Tests", "Spec", "TestCase")):
        return True
    return (
        stem.startswith(("test_", "tests_", "example", "sample", "mock", "fake", "readme"))
        or stem.endswith(("_test", "_tests", "-test", "_spec", "-example", "_example", "-sample"))
        or ".test." in name
        or ".spec." in name
        or ".example." in name
    )
