"""How good a network is, and is one better than another."""
