"""JWT libraries of others, and services that check tokens, before the table of attacks."""
