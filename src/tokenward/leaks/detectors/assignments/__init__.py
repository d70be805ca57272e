"""Secrets that only the name gives away to which they are assigned: passwords, tokens, keys of any make."""
