"""Train many networks, choose one on validation patients, and say what that choice is worth."""
