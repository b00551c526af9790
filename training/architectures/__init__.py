"""Networks to train, and the registry of their names."""
