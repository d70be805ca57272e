"""Client authentication (RFC 6749 §2.3): which client speaks, and how it proved that. One room a method."""
