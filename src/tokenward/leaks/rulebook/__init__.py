"""Secret rules as data: what a rule is, how it is loaded, and how it proves itself."""
