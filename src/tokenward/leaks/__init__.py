"""Finds credentials that escaped, and makes them worthless: rules, detection, sources, response."""
