"""Engines in front that carry the traffic while the gateway decides: what each is told, and how it runs."""
