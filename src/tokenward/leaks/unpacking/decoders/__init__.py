"""Encodings that hide a secret from a search, one module a family; `unpacking.decoding` lists them."""
