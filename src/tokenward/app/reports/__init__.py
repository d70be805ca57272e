"""What `scan`, `audit`, `probe`, `inspect` and `ci` found, as people and programs read it."""
