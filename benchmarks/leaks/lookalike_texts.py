"""What people write beside a credential's word that is none: placeholders, examples, labels, code, logs."""

from collections.abc import Callable
from random import Random

from drawing import document, hexadecimal, uuid4

_PLACEHOLDERS = """API_KEY=your-api-key-here
SECRET_KEY=changeme
DB_PASSWORD=<password>
ACCESS_TOKEN=${ACCESS_TOKEN}
CLIENT_SECRET={{ client_secret }}
STRIPE_KEY=sk_test_xxxxxxxxxxxxxxxxxxxxxxxx
GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE
AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
JWT_SECRET=TODO
SLACK_WEBHOOK=https://hooks.slack.example/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX
SESSION_SECRET=replace_this_with_a_long_random_string
ENCRYPTION_KEY=0123456789abcdef0123456789abcdef
MAIL_PASSWORD=********
DATABASE_URL=postgres://USER:PASSWORD@HOST:5432/NAME
REDIS_URL=redis://:${REDIS_PASSWORD}@redis:6379/0
OPENAI_API_KEY=sk-...
API_SECRET=insert-your-secret-here
"""

_FORM = """export function Login() {
  const [password, setPassword] = useState('');
  const passwordHint = 'At least twelve characters';
  return (
    <form>
      <input type="password" name="password" autoComplete="current-password" value={password} />
      <label htmlFor="password">Password</label>
      <a href="/reset?token=">Forgot your password?</a>
    </form>
  );
}
"""

_CODE = '''import os
import secrets

API_KEY = os.environ["API_KEY"]
TOKEN_URL = "https://login.example.net/oauth/token"
PASSWORD_FIELD = "password"
token_type = "Bearer"
SECRET_NAME = "projects/shop/secrets/database-password"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
api_key_header = "X-Shop-Api-Key"
CACHE_KEY = "orders:by-customer:v2"
primary_key = "order_line_identifier"


def check(password: str, stored_password_hash: bytes) -> bool:
    """Compare a password with its hash."""
    secret_key = derive(password, salt=b"")
    api_token = secrets.token_urlsafe(32)
    return api_token is not None and secret_key == stored_password_hash


def test_wrong_password(client):
    assert client.login(username="alice", password="wrong-password") is False
'''

_JAVA = """package net.example;

public final class Keys {
    public static final String PASSWORD_PROPERTY = "spring.datasource.password";
    public static final String SECRET_HEADER = "X-Hub-Signature-256";
    private static final String TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token";
    private final String secretName = System.getenv("SECRET_NAME");
    private final PasswordEncoder passwordEncoder = new BCryptPasswordEncoder();

    void store(String accessToken) {
        preferences.put(KEY_ACCESS_TOKEN, accessToken);
        log.info("token={}", mask(accessToken));
    }
}
"""

_TERRAFORM = """variable "db_password" {
  type      = string
  sensitive = true
}

resource "example_database" "main" {
  password       = var.db_password
  kms_key_id     = data.example_kms_key.main.arn
  secret_name    = "shop/production/database"
  token_audience = "https://kubernetes.default.svc"
}
"""

_WORKFLOW = """name: release
on: [push]
jobs:
  publish:
    runs-on: ubuntu-latest
    permissions: {{id-token: write}}
    steps:
      - uses: actions/checkout@{0}
      - uses: example/setup-token@{1} # v4.2.0
      - uses: example/publish@{2}
        with:
          token: ${{{{ secrets.PUBLISH_TOKEN }}}}
          password: ${{{{ secrets.REGISTRY_PASSWORD }}}}
          api-key: ${{{{ steps.login.outputs.key }}}}
    env:
      CACHE_KEY: build-{3}
      BASELINE: {4}
"""

_JENKINS = """pipeline {
  environment {
    NEXUS_PASSWORD = credentials('nexus-deploy-password')
    API_TOKEN = credentials('release-api-token')
  }
  stages { stage('publish') { steps { sh 'mvn deploy -Dtoken=$API_TOKEN' } } }
}
"""

_DOCUMENTATION = """# Signing in

Send the key in a header:

    curl -H "Authorization: Bearer YOUR_ACCESS_TOKEN" https://api.example.net/v1/orders
    curl -u "$CLIENT_ID:$CLIENT_SECRET" https://login.example.net/oauth/token -d grant_type=client_credentials
    curl -H "X-Api-Key: <your key>" https://api.example.net/v1/orders

| variable | value |
|---|---|
| `API_TOKEN` | the token from your profile, e.g. `abcdef0123456789` |
| `DB_PASSWORD` | ask an administrator |

Connect with `psql postgresql://user:password@localhost/shop`, or `mongodb://user:pass@host:27017`.
"""

_TESTS = """import pytest

USER = {"username": "alice", "password": "password123", "api_key": "test-api-key"}


@pytest.fixture
def settings():
    return {
        "SECRET_KEY": "not-a-secret-only-for-tests",
        "token": "dummy-token",
        "refresh_token": "fake_refresh_token",
        "client_secret": "s3cr3t",
        "access_token": "access-token-1",
        "private_key": "private-key-placeholder",
        "webhook_secret": "whsec_test_secret",
    }


@pytest.mark.parametrize("token", ["", "a.b.c", "Bearer", "x" * 64, "0" * 40, "invalid-token"])
def test_refused(client, token):
    assert client.get("/", headers={"Authorization": f"Bearer {token}"}).status_code == 401
"""


def _labels(random: Random) -> str:
    del random
    return document(
        {
            "password": "Passwort",
            "passwordRepeat": "Passwort wiederholen",
            "apiKey": "API-Schlüssel",
            "tokenExpired": "Das Token ist abgelaufen, bitte neu anmelden",
            "secretHint": "Niemandem zeigen",
            "error.auth.token_missing": "Kein Zugriffstoken übergeben",
            "clientSecretPlaceholder": "Geheimnis-der-Anwendung",
        }
    )


def _properties(random: Random) -> str:
    del random
    return (
        "login.password=Mot de passe\nlogin.password.forgotten=Mot de passe oublié ?\n"
        "settings.api.token=Jeton d'accès à l'interface\nsettings.secret.help=Ne le montrez à personne\n"
        "error.token.expired=Le jeton a expiré, reconnectez-vous\nauth.key.title=Clé-de-sécurité\n"
    )


def _catalogue(random: Random) -> str:
    del random
    pairs = {
        "Password": "Contraseña",
        "Secret key": "Clave-secreta",
        "Enter your token": "Introduzca-su-token",
        "Invalid token.": "Token inválido.",
    }
    return "\n".join(f'msgid "{english}"\nmsgstr "{spanish}"\n' for english, spanish in pairs.items())


def _openapi(random: Random) -> str:
    return f"""openapi: 3.1.0
info: {{title: Orders, version: "2"}}
paths:
  /token:
    post:
      requestBody:
        content:
          application/json:
            example:
              client_id: 3fa85f64-5717-4562-b3fc-2c963f66afa6
              client_secret: string
              password: "pa$$word"
      responses:
        "200":
          content:
            application/json:
              example:
                access_token: your-access-token
                id: {uuid4(random)}
                etag: "{hexadecimal(random, 32)}"
components:
  securitySchemes:
    apiKey: {{type: apiKey, in: header, name: X-Api-Key}}
    oauth:
      type: oauth2
      flows: {{clientCredentials: {{tokenUrl: https://login.example.net/token, scopes: {{}}}}}}
"""


def _workflow(random: Random) -> str:
    return _WORKFLOW.format(*(hexadecimal(random, 40) for _ in range(5)))


def _log(random: Random) -> str:
    return "\n".join(
        f"2026-11-27T10:{number:02}:00Z INFO request={uuid4(random)} trace={hexadecimal(random, 32)} "
        f"token_id={hexadecimal(random, 16)} key=orders:{number} auth=ok"
        for number in range(60)
    )


def _commits(random: Random) -> str:
    return "\n".join(
        f"commit {hexadecimal(random, 40)}\nMerge: {hexadecimal(random, 10)} {hexadecimal(random, 10)}\n\n"
        f"    Token rotation, cherry picked from commit {hexadecimal(random, 40)}\n"
        for _ in range(60)
    )


def _patch(random: Random) -> str:
    return "\n".join(
        f"diff --git a/token{number}.py b/token{number}.py\nindex {hexadecimal(random, 40)}.."
        f"{hexadecimal(random, 40)} 100644\n--- a/token{number}.py\n+++ b/token{number}.py\n"
        f"@@ -1 +1 @@\n-token = None\n+token = fetch()"
        for number in range(20)
    )


def _always(text: str) -> Callable[[Random], str]:
    return lambda _random: text


TEXTS: dict[str, Callable[[Random], str]] = {
    "config/example.env": _always(_PLACEHOLDERS),
    "src/login_form.tsx": _always(_FORM),
    "src/auth.py": _always(_CODE),
    "src/Keys.java": _always(_JAVA),
    "terraform/database.tf": _always(_TERRAFORM),
    ".github/workflows/release.yml": _workflow,
    "Jenkinsfile": _always(_JENKINS),
    "docs/signing-in.md": _always(_DOCUMENTATION),
    "tests/test_login.py": _always(_TESTS),
    "openapi.yaml": _openapi,
    "locale/de.json": _labels,
    "locale/fr.properties": _properties,
    "locale/es.po": _catalogue,
    "logs/requests.log": _log,
    "git-log.txt": _commits,
    "change.patch": _patch,
}
