"""YAML and JSON as plain data that remembers where each value stands.

Values follow the core schema of YAML 1.2 (§10.3.2), which is what JSON can say: no dates, no binary, no `yes`
for true. Keys are always text, as they are in JSON: `200:` is the key "200". The text is read as a stream,
without recursion, so that every bound holds before memory or stack is spent.
"""
