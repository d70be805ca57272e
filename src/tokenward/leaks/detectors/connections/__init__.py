"""User names and passwords in connection strings and in the files that clients keep them in."""
