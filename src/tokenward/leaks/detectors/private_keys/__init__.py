"""Private keys in the forms in which people keep and paste them."""
