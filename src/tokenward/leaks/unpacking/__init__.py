"""Opens containers and undoes encodings, within bounds."""
