import ast
import re
from pathlib import Path

import pytest
from jinja2 import nodes
from markupsafe import Markup

import tokenward.identity
from tokenward.identity.pages import Pages
from tokenward.identity.texts import Texts, english

ROOM = Path(tokenward.identity.__file__).parent
TEMPLATES = sorted((ROOM / "templates").glob("*.html"))
ENVIRONMENT = Pages("Example")._environment
TEXTS = Texts(
    {"page": {"plain": "5 < 6 & 'so'", "greeting": "Hello {who}", "two": "{one} or {other}"}}, language="en"
)


def spoken_by_templates():
    """Every `t(...)` of a template: key, and the values that it passes."""
    for path in TEMPLATES:
        for call in ENVIRONMENT.parse(path.read_text()).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "t":
                (key,) = call.args
                assert isinstance(key, nodes.Const), f"{path.name}: a key that is computed cannot be found"
                assert call.dyn_args is call.dyn_kwargs is None
                yield key.value, {keyword.key for keyword in call.kwargs}


def spoken_by_code():
    for path in ROOM.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and "t" in (
                getattr(call.func, "attr", ""),
                getattr(call.func, "id", ""),
            ):
                (key,) = call.args
                yield ast.literal_eval(key), {keyword.arg for keyword in call.keywords}


def test_every_text_is_used_and_every_used_one_is_there_with_its_values():
    used = [*spoken_by_templates(), *spoken_by_code()]
    assert used
    known = english().placeholders
    for key, values in used:
        assert values == known.get(key), key
    assert {key for key, _ in used} == known.keys()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_say_nothing_themselves(path):
    markup = "".join(
        node.data if isinstance(node, nodes.TemplateData) else "{}"
        for output in ENVIRONMENT.parse(path.read_text()).find_all(nodes.Output)
        for node in output.nodes
    )
    assert not re.findall(r"\w+", re.sub(r"<[^>]*>", "", markup))
    assert not re.findall(r'\b(?:aria-label|title|placeholder|alt)="[^"{]', markup)


def test_texts_for_the_terminal_are_as_they_are():
    assert TEXTS.t("page.plain") == "5 < 6 & 'so'"
    assert TEXTS.t("page.greeting", who="<Ada>") == "Hello <Ada>"


def test_texts_for_pages_are_escaped_and_so_are_their_values():
    assert TEXTS.html("page.plain") == "5 &lt; 6 &amp; &#39;so&#39;"
    assert TEXTS.html("page.greeting", who="<Ada>") == "Hello &lt;Ada&gt;"
    assert TEXTS.html("page.greeting", who=Markup("<b>{}</b>").format("<")) == "Hello <b>&lt;</b>"


def test_values_are_no_texts():
    assert TEXTS.t("page.two", one="{other}", other="{one}") == "{other} or {one}"
    assert TEXTS.html("page.two", one="{other}", other="{one}") == "{other} or {one}"


@pytest.mark.parametrize("speak", [TEXTS.t, TEXTS.html])
def test_a_text_that_is_not_there_or_has_other_values_is_a_fault(speak):
    with pytest.raises(KeyError):
        speak("page.nothing")
    for values in ({}, {"whom": "Ada"}, {"who": "Ada", "else_": "Bob"}):
        with pytest.raises(ValueError, match=r"page\.greeting"):
            speak("page.greeting", **values)


@pytest.mark.parametrize(
    "text",
    ["{who.__class__}", "{who[0]}", "{who:>9}", "{who!r}", "{}", "{0}", "{Who}", "{who", "}", " ", "", 7],
)
def test_a_text_can_only_name_its_values(text):
    with pytest.raises(ValueError, match=r"page\.name|[Ss]ingle|expected"):
        Texts({"page": {"name": text}}, language="en")


@pytest.mark.parametrize(("page", "name"), [("Page", "name"), ("page", "the name"), ("", "name"), ("a", "")])
def test_a_key_is_a_page_and_a_name(page, name):
    with pytest.raises(ValueError, match=r"page\.name"):
        Texts({page: {name: "Text"}}, language="en")
