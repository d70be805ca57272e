"""What anybody's authorization server says of itself and does, held against RFC 9700 and OAuth 2.1."""
