import base64

import pytest
import re2

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.detection.engine import Engine
from tokenward.leaks.detectors.connections.detector import CONNECTIONS
from tokenward.leaks.recording import SILENCE, Notes
from tokenward.leaks.rulebook.templates import fill, sample
from tokenward.leaks.text import Text

FOUND = [
    ("postgres://shop:{base62:16}@db.shop.internal:5432/shop", {"protocol": "postgres", "user": "shop"}),
    ("mongodb+srv://shop:{base62:16}@c0.abcde.mongodb.net/shop", {"protocol": "mongodb+srv"}),
    ("redis://:{base62:24}@cache.shop.internal:6379/0", {"protocol": "redis"}),
    ("amqps://shop:{base62:16}@10.2.3.4/", {"host": "10.2.3.4"}),
    ("smtp://robot%40shop.internal:{base62:16}@mail.shop.internal:587", {"protocol": "smtp"}),
    ("url = 'https://robot:{base62:20}@git.shop.internal/x.git'", {"protocol": "https", "user": "robot"}),
    (
        "jdbc:postgresql://db.shop.internal/shop?user=shop&password={base62:16}&ssl=true",
        {"host": "db.shop.internal"},
    ),
    (
        '"Server=tcp:db.shop.internal,1433;Database=x;User ID=shop;Password={base62:16};Encrypt=True"',
        {"user": "shop"},
    ),
    (
        "host=db.shop.internal port=5432 user=shop password={base62:16} dbname=shop",
        {"protocol": "postgresql"},
    ),
    ("git clone https://{base62:40}@git.shop.internal/x.git", {"host": "git.shop.internal"}),
    ("curl https://{hex:32}:@api.shop.internal/v1", {"host": "api.shop.internal"}),
    ("curl https://{base62:32}:x@api.shop.internal/v1", {"protocol": "https"}),
    ('getConnection("jdbc:mysql://db.shop.internal/x?ssl=1", "shop", "{base62:16}");', {"user": "shop"}),
    ("new PDO('mysql:host=db.shop.internal;dbname=x', 'shop', '{base62:16}')", {"host": "db.shop.internal"}),
    ("machine git.shop.internal login robot password {base62:20}", {"for": ".netrc", "user": "robot"}),
    ("//npm.shop.internal/:_authToken={base62:36}", {"for": "an npm registry", "host": "npm.shop.internal"}),
]
FILES = [
    (".pgpass", "db.shop.internal:5432:shop:shop:{base62:16}"),
    (".npmrc", "_authToken={base62:36}"),
    (".pypirc", "[pypi]\nusername = robot\npassword = {base62:24}\n"),
    (
        "settings.xml",
        "<server>\n<id>x</id>\n<username>robot</username>\n<password>{base62:16}</password></server>",
    ),
    ("nuget.config", '<add key="ClearTextPassword" value="{base62:16}" />'),
]
NOTHING = [
    "postgres://user:password@localhost/shop",
    "postgres://shop:$" + "{DB_PASSWORD}@db.shop.internal/shop",
    "postgres://shop:<password>@db.shop.internal/shop",
    "postgres://shop:%s@db.shop.internal/shop",
    "postgres://shop:****@db.shop.internal/shop",
    "postgres://shop:{{ password }}@db.shop.internal/shop",
    "postgres://$USER:$PASSWORD@db.shop.internal/shop",
    "https://username:password@example.com/",
    "http://host:8080/path@2x.png",
    "Server=db;User Id=sa;Password=your_password;",
    "host=db user=x password=%(password)s",
    "//npm.shop.internal/:_authToken=$" + "{NPM_TOKEN}",
    "https://our-organisation-name@dev.shop.internal/x",
    "https://ada.lovelace.the.first:@dev.shop.internal/x",
    "https://0f3a5b7c9d1e2f4a6b8c0d2e4f6a8b1c@errors.shop.internal/42",
    'getConnection("jdbc:h2:mem:shop", "user", "password")',
    "create_new_password=False, url_password=self.get_option(1)",
]


def find(data, path="config.txt", recorder=SILENCE):
    return list(CONNECTIONS.find(Text(data, path), 0, recorder))


def engine_look(path, data):
    return Engine([CONNECTIONS]).look(Text(data, path)).candidates


def wakes(data):
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return any(re2.compile(trigger.encode(), options).search(data) for trigger in CONNECTIONS.triggers)


@pytest.mark.parametrize(("template", "facts"), FOUND)
def test_finds_the_password_and_says_whose_it_is(template, facts):
    for seed in "abcd":
        data = b"x = 1\n" + fill(template, seed) + b"\n"
        [found] = find(data)
        assert found.confidence is Confidence.HIGH
        assert data[found.start : found.end] == found.secret
        assert len(found.secret) >= 16
        assert facts.items() <= dict(found.facts).items()
        assert found.secret.decode() not in "".join(found.facts.values())
        assert wakes(data)
        assert engine_look("config.txt", data) == [found]


@pytest.mark.parametrize(("path", "template"), FILES)
def test_knows_the_files_of_clients(path, template):
    data = fill(template, "a") + b"\n"
    [found] = find(data, path)
    assert (found.rule, found.confidence) == ("stored-password", Confidence.HIGH)
    assert wakes(data) or path in CONNECTIONS.names
    assert list(engine_look(path, data)) == [found]


def test_reads_what_docker_stores():
    auth = base64.b64encode(b"robot:" + fill("{base62:20}", "a"))
    [found] = find(b'{"auths": {"registry.shop.internal": {"auth": "' + auth + b'"}}}', "config.json")
    assert found.secret == auth
    assert dict(found.facts) == {
        "for": "a container registry",
        "user": "robot",
        "host": "registry.shop.internal",
    }
    assert find(b'{"auth": "' + base64.b64encode(b"no colon in here") + b'"}') == []


def test_a_token_in_the_place_of_a_user_is_not_told():
    data = fill("https://{base62:40}:{base62:20}@git.shop.internal/x.git", "a")
    [found] = find(data)
    assert dict(found.facts) == {"protocol": "https", "host": "git.shop.internal"}


@pytest.mark.parametrize("text", NOTHING)
def test_what_is_no_password_is_not_reported(text):
    notes = Notes()
    assert find(text.encode(), recorder=notes) == []
    assert all(note.verdict == "dropped" for note in notes.kept)


@pytest.mark.parametrize(
    "text", ["postgres://postgres:postgres@localhost/x", "amqp://guest:guest@127.0.0.1:5672/"]
)
def test_a_default_on_this_machine_is_low(text):
    [found] = find(text.encode())
    assert (found.confidence, found.severity) == (Confidence.LOW, Severity.LOW)


def test_a_word_is_guessable_and_a_random_text_is_not():
    [word] = find(b"mysql://shop:wombatburrow@db.shop.internal/shop")
    [drawn] = find(fill("mysql://shop:{base62:24}@db.shop.internal/shop", "a"))
    assert (word.confidence, word.guessable) == (Confidence.MEDIUM, True)
    assert (drawn.confidence, drawn.guessable) == (Confidence.HIGH, False)


def test_in_a_test_words_are_of_low_confidence():
    [found] = find(b"mysql://shop:wombatburrow@db.shop.internal/shop", "tests/test_db.py")
    assert (found.confidence, found.severity) == (Confidence.LOW, Severity.LOW)


def test_hashes_of_passwords_are_low():
    [found] = find(b"robot:$apr1$abcdefgh$ABCDEFGHIJKLMNOPQRSTU.\n", ".htpasswd")
    assert (found.rule, found.confidence) == ("password-hash", Confidence.LOW)


def test_knows_the_keys_of_wordpress_from_the_phrase_that_asks_to_be_replaced():
    drawn = fill("define('AUTH_KEY', '{base64:30} {base64:33}');", "a")
    [found] = find(drawn, "wp-config.php")
    assert found.rule == "wordpress-key"
    assert (
        find(b"define('AUTH_KEY', 'put your unique phrase here, and not this one');", "wp-config.php") == []
    )


@pytest.mark.parametrize("seed", range(20))
def test_the_rules_keep_what_they_promise(seed):
    for rule in CONNECTIONS.rules:
        for number, template in enumerate(rule.examples):
            data, path = _filled(template, f"{seed}/{number}")
            assert [found.rule for found in find(data, path)] == [rule.id]
        for template in rule.counterexamples:
            data, path = _filled(template, str(seed))
            assert [found for found in find(data, path) if found.confidence > Confidence.LOW] == []


def _filled(template, seed):
    text = sample(template, seed)
    return text.data, text.path
