"""Whether a credential that was found is live: asked of its provider, by people who want to know."""
