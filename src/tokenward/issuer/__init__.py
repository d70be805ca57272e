"""The authorization server: who may have a token, and for what."""
