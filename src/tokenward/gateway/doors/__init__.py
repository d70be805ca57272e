"""The doors: each translates its transport to `AccessRequest` and a `Decision` back, and decides nothing."""
