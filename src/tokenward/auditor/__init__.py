"""What tries other people's tokens, APIs and libraries, and ours first: the table of attacks."""
