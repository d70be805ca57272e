"""What is wrong with a credential: one table, a family a module."""
