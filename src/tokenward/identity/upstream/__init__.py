"""Signing in through the identity provider that a company already has (OpenID Connect Core §3.1)."""
