"""Fires hostile credentials at a live API, and tells from its answers which checks it skips."""
