"""Ground floor: time, randomness, secrets, errors and the way out to the network."""
