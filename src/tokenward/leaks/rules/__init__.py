"""The secret rules that come with Tokenward: one TOML file a provider."""
