"""Closing the loop: reports come in, what leaked is ended within a second, its owners are told."""
