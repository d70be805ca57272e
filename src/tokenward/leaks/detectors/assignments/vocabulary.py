"""Words of which names are made: those of credentials, and those that say that it is about something else."""

from typing import Final


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


PASSWORD_WORDS: Final = words("""
    password passwd passphrase passcode pass pwd pswd passwort psw passw pw userpass dbpass rootpass
    mypass motdepasse contrasena senha kennwort keypass storepass keystorepass
    """)
TOKEN_WORDS: Final = words("""
    secret secrets token tokens credential credentials cred creds bearer apikey authkey psk
    """)
# Commands, and a clause of SQL, that take a password as an argument.
COMMANDS: Final = words("identified mysql mysqldump mysqladmin mariadb sshpass convertto-securestring")
# What makes of "key" more than a key of a dictionary.
KINDS_OF_KEY: Final = words("""
    api secret access private priv encryption encrypt signing signature sign master auth shared account
    service storage consumer client app application license hmac aes des crypto crypt cipher session jwt
    cookie deploy admin subscription preshared server user integration webhook oauth rest
    production prod dev sandbox partner merchant developer tracking write read ingest instrumentation
    security ssl tls ssh rsa ecdsa wallet token hash sdk map maps google firebase aws azure stripe
    twilio sendgrid mailgun github gitlab slack
    """)
WEAK: Final = words("""
    auth salt seed pepper iv authorization sid signature hmac otp pin
    """)

# After the credential's word these say that it is about the credential: its name, its place, its rules.
ABOUT: Final = words("""
    field fields type types name names id ids hint hints url urls uri uris path paths file files
    filename filepath dir directory folder location length len size sizes min max minimum maximum count
    counts counter total expiry expires expire expired expiration expirationtime ttl timeout lifetime
    age duration interval days hours minutes seconds label labels title titles text message messages msg
    error errors warning prompt placeholder description desc help tooltip policy policies rule rules
    regex regexp pattern patterns format formats validator validators validation valid invalid check
    checks checker strength strong weak score encoder encoders encoded encoding hash hashes hashed
    hasher hashers digest algorithm algorithms algo alg method methods mode modes enabled disabled
    enable required optional env envs environ variable ref refs reference references header headers
    param params parameter parameters arg args argument arguments index idx column columns col attribute
    attributes attr prop props property properties class classes style selector selectors element input
    inputs box button btn form forms page pages view views template templates icon icons image visible
    visibility state states status event events action actions handler handlers callback callbacks
    provider providers service services manager store storage repository factory builder generator
    generators endpoint endpoints scope scopes audience issuer kind kinds version versions prefix suffix
    separator delimiter stream list set map cache limit limits budget usage used cost source sources
    resolver reader writer parser lexer match matcher filter filters option options config configuration
    setting settings facts flag flags scheme schema model models entity table tables tests test spec request
    requests response responses reset change changed confirm confirmation update updated create created
    rotation rotate rotated revoke revoked refresh grant grants exchange info details data_type object
    interface impl mapper converter strategy util utils helper helpers exception lookup position offset
    start end line begin range owner user username email role roles domain host port server_name date
    time timestamp at by on of code_verifier md sha shasum crc reveal show hide toggle link links mail
    mails subject body encryption_algorithm alias bits
    """)
# Before the credential's word these say that it is another kind of thing.
OTHER: Final = words("""
    public pub primary foreign cache partition sort order routing csrf xsrf csrfmiddleware
    csrfmiddlewaretoken next page pagination continuation cursor prev previous num max min is has have
    had show hide toggle forgot forgotten lost no use uses using require requires required enable
    enabled disable keyboard input output prompt completion total count lexer parse parser syntax get
    find fetch load read lookup check validate verify generate create make build compute encode decode
    encrypt decrypt compare matches match parse split print log repository badge gpg pgp invalid missing wrong
    bad empty unknown unsupported unexpected error hashed encrypted result row column dict object map
    hash index sorting group grouping translation i18n lang locale dedupe idempotency resume sync change
    delta watermark etag position special eof comment string keyword identifier punctuator shortcut hot
    accelerator arrow registry object_ file_ redact mask
    """) - frozenset({"read", "map", "hash"})
# Verbs: `getPassword("…")` asks for one by name, `createToken("…")` makes one from something.
VERBS: Final = words("""
    get find fetch load read lookup check validate verify generate create make build compute encode
    decode encrypt decrypt compare matches match parse split print log is has require ensure expect
    assert delete remove revoke request ask prompt input reset forgot change update show hide
    """)
PLAIN_ENDINGS: Final = words("""
    value values default val str string literal plain plaintext raw text1
    """)
