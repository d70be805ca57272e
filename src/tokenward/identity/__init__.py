"""People: how they sign in, the session that remembers it, and the pages that they see."""
