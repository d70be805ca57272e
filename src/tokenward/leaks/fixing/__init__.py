"""Mending a leak in the file where it stands: from a place and a text to a proposed text, without I/O."""
