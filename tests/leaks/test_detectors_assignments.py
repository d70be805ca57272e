"""Forms of assignment in many languages; what is random in them is drawn anew for each seed."""

import pytest
import re2

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.detection.engine import Engine
from tokenward.leaks.detectors.assignments.detector import ASSIGNMENTS
from tokenward.leaks.detectors.assignments.expressions import expression
from tokenward.leaks.detectors.assignments.languages import Kind, kind, only_tried
from tokenward.leaks.detectors.assignments.names import Promise, judge
from tokenward.leaks.detectors.assignments.placeholders import placeholder
from tokenward.leaks.detectors.assignments.strength import coverage, randomness
from tokenward.leaks.recording import SILENCE, Notes
from tokenward.leaks.rulebook.templates import fill
from tokenward.leaks.text import Text

FORMS = [
    ("a.py", 'CLIENT_SECRET = "{base62:32}"'),
    ("a.py", 'client_secret: str = "{base62:32}"'),
    ("a.py", "connect(api_key='{base62:32}')"),
    ("a.py", 'x = {{"auth_token": "{base62:32}"}}'),
    ("a.py", 'settings["secret"] = "{base62:32}"'),
    ("a.py", 'os.environ.get("API_KEY", "{base62:32}")'),
    ("a.py", 'os.getenv("API_KEY") or "{base62:32}"'),
    ("a.py", 'if token == "{base62:32}":'),
    ("a.py", 'url = "https://api.example/v1?lang=en&access_token={base62:32}"'),
    ("a.py", '"""\n    preshared_key: {hex:40}\n"""'),
    ("a.py", "AES_KEY = b'{base64:43}='"),
    ("a.js", 'const clientSecret = "{base62:32}";'),
    ("a.ts", "private readonly apiKey: string = '{base62:32}';"),
    ("a.tsx", 'const s = process.env.SECRET || "{base62:32}"'),
    ("a.ts", 'const s = process.env.API_TOKEN ?? "{base62:32}"'),
    ("a.js", "x = {{ accessToken: `{base62:32}` }}"),
    ("a.java", 'private static final String API_KEY = "{base62:32}";'),
    ("a.java", 'config.setClientSecret("{base62:32}");'),
    ("a.kt", 'val apiKey = "{base62:32}"'),
    ("a.scala", 'val authToken: String = "{base62:32}"'),
    ("a.cs", 'public string ApiKey {{ get; set; }} = "x"; const string Secret = "{base62:32}";'),
    ("a.go", 'apiToken := "{base62:32}"'),
    ("a.go", 'var apiToken string = "{base62:32}"'),
    ("a.go", 'c := Config{{Secret: "{base62:32}"}}'),
    ("a.rs", 'const API_KEY: &str = "{base62:32}";'),
    ("a.swift", 'let apiKey = "{base62:32}"'),
    ("a.m", 'NSString *apiSecret = @"{base62:32}";'),
    ("a.h", '#define API_SECRET "{base62:32}"'),
    ("a.c", 'static const char auth_token[] = "{base62:32}";'),
    ("a.php", "define('AUTH_TOKEN', '{base62:32}');"),
    ("a.php", "'client_secret' => '{base62:32}',"),
    ("a.rb", ":secret => '{base62:32}'"),
    ("a.rb", 'api_key: "{base62:32}"'),
    ("a.pl", 'my $token = "{base62:32}";'),
    ("a.lua", 'local token = "{base62:32}"'),
    ("a.r", 'api_key <- "{base62:32}"'),
    ("a.sh", "export AUTH_TOKEN={base62:32}"),
    ("a.sh", 'docker run -e API_TOKEN="{base62:32}" image'),
    ("a.sh", "tool --token {base62:32}"),
    ("a.sh", "tool --api-key={base62:32} more"),
    ("a.ps1", '$ClientSecret = "{base62:32}"'),
    ("a.bat", "set API_TOKEN={base62:32}"),
    ("Dockerfile", "ENV API_TOKEN {base62:32}"),
    ("Dockerfile", "ARG API_TOKEN={base62:32}"),
    ("a.yml", "api_key: {base62:32}"),
    ("a.yml", 'api_key: "{base62:32}"'),
    ("a.yml", "- name: API_TOKEN\n  value: {base62:32}"),
    ("a.yml", '- name: API_TOKEN\n  value: "{base62:32}"'),
    ("a.json", '{{"clientSecret": "{base62:32}"}}'),
    ("a.json", '{{"name": "API_TOKEN", "value": "{base62:32}"}}'),
    ("a.toml", 'secret_key = "{base62:32}"'),
    ("a.ini", "secret_key = {base62:32}"),
    ("a.properties", "app.auth.secret={base62:32}"),
    (".env", "APP_KEY_SECRET={base62:32}"),
    (".env.production", "SESSION_KEY={base62:32}"),
    ("a.xml", "<clientSecret>{base62:32}</clientSecret>"),
    ("a.xml", '<add key="ClientSecret" value="{base62:32}" />'),
    ("a.xml", '<account token="{base62:32}"/>'),
    ("a.plist", "<key>ApiKey</key>\n\t<string>{base62:32}</string>"),
    ("a.tf", 'client_secret = "{base62:32}"'),
    ("a.tf", 'variable "api_token" {{ default = "{base62:32}" }}'),
    ("a.gradle", "apiKey '{base62:32}'"),
    ("a.log", "2026-01-01 login token={base62:32} ok"),
    ("README.md", "    export API_TOKEN={base62:32}"),
]
PASSWORDS = [
    ("a.sql", "CREATE USER x IDENTIFIED BY 'x'; ALTER USER y PASSWORD '{base62:16}';"),
    ("a.sql", "CREATE USER x IDENTIFIED BY '{base62:16}';"),
    ("a.sh", "mysql -u root -p{base62:16} shop < dump.sql"),
    ("a.sh", "sshpass -p '{base62:16}' ssh host"),
    ("a.ps1", 'ConvertTo-SecureString "{base62:16}" -AsPlainText -Force'),
    ("a.yml", "db_password: {base62:16}"),
    ("a.yml", "password: aB9-Xk2!wQ"),
    ("a.py", 'password = "{base62:16}"'),
    ("a.properties", "spring.datasource.password=wombat{digits:3}"),
]


def find(path, data, recorder=SILENCE):
    return list(ASSIGNMENTS.find(Text(data, path), 0, recorder))


def sure(path, data):
    return [found for found in find(path, data) if found.confidence >= Confidence.MEDIUM]


def wakes(data):
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return any(re2.compile(trigger.encode(), options).search(data) for trigger in ASSIGNMENTS.triggers)


@pytest.mark.parametrize(("path", "template"), FORMS)
def test_finds_a_token_in_every_form(path, template):
    for seed in "abcdefgh":
        data = b"# first line\n" + fill(template, seed) + b"\nlast line\n"
        [found] = sure(path, data)
        assert (found.rule, found.confidence) == ("assigned-token", Confidence.MEDIUM)
        assert data[found.start : found.end] == found.secret
        assert len(found.secret) >= 32
        assert wakes(data)


@pytest.fixture(scope="module")
def engine():
    return Engine([ASSIGNMENTS])


def test_where_triggers_were_says_as_much_as_the_whole_text(engine):
    for path, template in FORMS + PASSWORDS:
        one = fill(template, "a") + b"\n"
        # Apart, close together, at the end without a line's end, after a long word and among false alarms.
        for data in (
            one + b"x = 1\n" * 1000 + one,
            one * 30,
            b"password token key\n" * 200 + one[:-1],
            b"x" * 3000 + b" " + one + b"'secret': None\n" * 200,
        ):
            text = Text(data, path)
            assert engine.look(text).candidates == find(path, data) != []


@pytest.mark.parametrize(("size", "found"), [(512, 1), (513, 0)])
def test_a_value_of_more_than_512_bytes_is_none(engine, size, found):
    data = fill(f'client_secret = "{{base62:{size}}}"\n', "a")
    assert len(engine.look(Text(data, "a.py")).candidates) == len(find("a.py", data)) == found


@pytest.mark.parametrize(("path", "template"), PASSWORDS)
def test_finds_passwords_where_they_are_configured(path, template):
    data = fill(template, "a") + b"\n"
    [found] = sure(path, data)
    assert (found.rule, found.guessable) == ("assigned-password", True)
    assert wakes(data)


def test_many_keys_in_a_file_of_tests_are_vectors():
    def sure_of(path, count):
        return sure(path, b"".join(fill("Key = {hex:32}\n", str(n)) for n in range(count)))

    assert len(sure_of("tests/aes.txt", 40)) == len(sure_of("keys.txt", 40)) == 40
    assert len(sure_of("tests/aes.txt", 60)) == 0
    assert len(sure_of("keys.txt", 60)) == 60


def test_a_word_as_a_password_in_code_is_of_low_confidence():
    [found] = find("a.py", b'password = "horse"\npassword = "horsebattery"\n')
    assert (found.confidence, found.guessable) == (Confidence.LOW, True)


def test_in_a_test_severity_is_low_and_confidence_is_not():
    data = fill('TOKEN = "{base62:32}"', "a")
    [found] = find("tests/test_login.py", data)
    assert (found.confidence, found.severity) == (Confidence.MEDIUM, Severity.LOW)
    [found] = find("src/login.py", data)
    assert found.severity is Severity.HIGH


SHORT = [
    ("a.py", 'access_token = "r7a9kd3x"'),
    ("a.yml", "secret: x7Gh2kQ9"),
    ("tests/a.py", 'password = "q1w2e3r9"'),
    ("tests/a.py", 'api_key = "kqzwpxmvjhgf"'),
    ("a.txt", "Key = {hex:32}"),
    ("a.go", 'apiToken := "{uuid}"'),
    ("a.go", 'Password: "{uuid}"'),
]


@pytest.mark.parametrize(("path", "template"), SHORT)
def test_finds_what_is_short_or_has_no_digits_if_it_looks_random(path, template):
    data = fill(template, "b")
    [found] = sure(path, data)
    assert found.confidence is Confidence.MEDIUM


NOTHING = [
    ("a.py", "password = get_password(user)"),
    ("a.py", 'password = os.environ["DB_PASSWORD"]'),
    ("a.py", 'token = "${TOKEN}"'),
    ("a.py", "API_KEY = 'your-api-key-goes-here'"),
    ("a.py", 'secret = "xxxxxxxxxxxxxxxxxxxxxxxx"'),
    ("a.py", 'api_key = "1234567890abcdef1234567890abcdef"'),
    ("a.py", 'token_type = "{base62:32}"'),
    ("a.py", 'password_field = "{base62:32}"'),
    ("a.py", 'cache_key = "{base62:32}"'),
    ("a.py", 'key_id = "{base62:32}"'),
    ("a.py", 'public_key = "{base62:32}"'),
    ("a.py", 'TOKEN_URL = "https://login.example/oauth2/v2.0/token"'),
    ("a.py", 'secret_file = "/run/secrets/{lower:12}"'),
    ("a.py", 'secret = "/run/secrets/db_password"'),
    ("a.py", 'password = "Please enter your password"'),
    ("a.py", 'getpass("Password: ")'),
    ("a.py", 'csrf_token = "{base62:32}"'),
    ("a.py", 'password_hash = "{hex:64}"'),
    ("a.py", 'next_page_token = "{base62:32}"'),
    ("a.java", 'getPassword("{base62:32}")'),
    ("a.js", "credentialType = 'microsoftOneDriveOAuth2Api'"),
    ("a.js", "const token = await this.getAccessToken(sessionId2)"),
    ("a.json", '"result_key": "VpcEndpointConnections2"'),
    ("a.json", '"clientToken": "{uuid}"'),
    ("a.json", '"token": "{uuid}"'),
    ("a.md", "The key: {hex:64}"),
    ("a.json", '"token": "UA-136142416-1"'),
    ("a.xml", '<filter token="WSDL4J_JAR" value="x"/>'),
    ("a.yml", "secret: !vault |"),
    ("a.yml", 'password: "{{{{ vault_db_password }}}}"'),
    ("a.yml", "token: $" + "{{ secrets.GITHUB_TOKEN }}"),
    ("a.yml", "image@sha256: {hex:64}"),
    ("a.sh", "echo $PWD; PWD=/home/build/a1b2c3"),
    ("a.go", "Secret: corev1.SecretTypeBasicAuth2,"),
    ("a.md", "The token is used to sign requests2 and so on"),
    ("locales/de.yml", "password: Passwort"),
    ("i18n/nds.json", '"yourpassword": "Passwoordje"'),
    ("config/app.yml", "password_label_password: Passwoord:"),
    ("a.json", '"comment": "the user has passwords", "sourcePathName": "{base62:4}"'),
    ("a.yml", "note: it stores password `created_at` and `expires_at2`"),
    ("a.unlang", "&User-Password := 'HMACSHA2+256:AAAAAQ:{base64:22}==:{base64:43}='"),
    ("locales/ja.yml", "password: パスワードを入力123"),
    ("a.json", '"text": "a MySQL on-premises2x9 master"'),
    ("package-lock.json", '"integrity-token": "{base62:32}"'),
]


@pytest.mark.parametrize(("path", "template"), NOTHING)
def test_what_is_no_secret_is_not_reported(path, template):
    for seed in "abcd":
        assert (
            sure(path, fill(template, seed) if "{" in template and "$" not in template else template.encode())
            == []
        )


def test_explains_what_it_lets_go_without_quoting_it():
    notes = Notes()
    secret = b"${DATABASE_SECRET_FROM_VAULT}"
    assert (
        find("a.py", b'password_hint = "' + fill("{base62:32}", "a") + b'"; token = "' + secret + b'"', notes)
        == []
    )
    assert [(note.stage, note.verdict) for note in notes.kept] == [
        ("context", "dropped"),
        ("shape", "dropped"),
    ]
    assert not any(secret.decode() in note.reason for note in notes.kept)


@pytest.mark.parametrize(
    ("name", "promise"),
    [
        ("client_secret", Promise.TOKEN),
        ("clientSecret", Promise.TOKEN),
        ("APIKey", Promise.TOKEN),
        ("spring.datasource.password", Promise.PASSWORD),
        ("dbpassword", Promise.PASSWORD),
        ("password2", Promise.PASSWORD),
        ("token.value", Promise.TOKEN),
        ("consumer_key", Promise.TOKEN),
        ("some_key", Promise.KEY),
        ("salt", Promise.KEY),
        ("db_pwd", Promise.PASSWORD),
        ("aws_creds", Promise.TOKEN),
        ("AESKey", Promise.TOKEN),
        ("accesstoken", Promise.TOKEN),
        ("...", Promise.NONE),
        ("deletePassword", Promise.NONE),
        ("passenger", Promise.NONE),
        ("tokenizer", Promise.NONE),
        ("keyboard", Promise.NONE),
        ("primary_key", Promise.NONE),
        ("secret_name", Promise.NONE),
        ("passwordHint", Promise.NONE),
        ("max_tokens", Promise.NONE),
        ("csrfmiddlewaretoken", Promise.NONE),
        ("passwords.message", Promise.NONE),
        ("PWD", Promise.NONE),
    ],
)
def test_names(name, promise):
    assert judge(name.encode()).promise is promise


@pytest.mark.parametrize(
    "value",
    [
        "aaaaaaaa",
        "abababababab",
        "<your-key>",
        "${KEY}",
        "{{ key }}",
        "changeme",
        "your_api_key",
        "12345678",
        "abcdefgh1",
        "XXXXXXXXXXXX",
        "000102030405060708090A0B0C0D0E0F",
        "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0",
        "my-secret-value",
        "TODO-fill-in",
        "insert-key-here",
        "qwertyuiop",
    ],
)
def test_placeholders(value):
    assert placeholder(value.encode())


@pytest.mark.parametrize(
    "value",
    [
        "https://a.example/b",
        "/etc/ssl/private/key",
        "./key.pem",
        "server.key",
        "user@host.example",
        "1.2.3-4",
        "2026-01-01T00:00",
        "application/json",
        "getToken()",
        "self.token",
        "a.b.c",
        "[REDACTED]",
        "%password%",
        "ssh-rsa AAAA",
        "$2b$12$abcdef",
        "^[a-z]+$",
        "arn:aws:secretsmanager:x",
        "vault:secret/data",
        "org.example.Token",
    ],
)
def test_expressions(value):
    assert expression(value.encode())


def test_random_texts_are_told_from_words():
    for seed in range(50):
        for template in ("{base62:24}", "{base64url:43}", "{lowerdigits:20}", "{base32:32}"):
            assert randomness(fill(template, str(seed))) > 0.9
            assert not placeholder(fill(template, str(seed)))
    for words in (
        "getElementsByClassName",
        "correcthorsebatterystaple",
        "application_default_credentials",
        "OAuth2Session",
    ):
        assert randomness(words.encode()) < 0.1
    assert coverage(b"secretsManagerToken") > 0.9 > 0.2 > coverage(b"x7Gh2kQ9")


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("a/b.PY", Kind.CODE),
        ("a/.env.local", Kind.CONFIG),
        ("x/Dockerfile", Kind.SHELL),
        ("yarn.lock", Kind.GENERATED),
        ("a.min.js", Kind.GENERATED),
        ("README", Kind.PROSE),
        ("id", Kind.CONFIG),
        ("app.jar!a.xml", Kind.MARKUP),
    ],
)
def test_kinds_of_files(path, wanted):
    assert kind(Text(b"", path)) is wanted


@pytest.mark.parametrize(
    "path",
    [
        "tests/a.py",
        "a/b_test.go",
        "src/a.spec.ts",
        "docs/a.yml",
        "x/molecule/a.yml",
        "config.ini.example",
        "FooTest.java",
    ],
)
def test_paths_of_tests_and_examples(path):
    assert only_tried(Text(b"", path))
    assert not only_tried(Text(b"", "src/latest/contest.py"))
