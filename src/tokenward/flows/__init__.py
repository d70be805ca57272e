"""What any OAuth client does, without I/O: build requests, read answers."""
