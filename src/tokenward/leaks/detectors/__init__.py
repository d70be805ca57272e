"""Detectors that parse what they find: tokens, keys, connection strings, assignments."""
