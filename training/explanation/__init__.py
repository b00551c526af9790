"""Where in a film a score comes from."""
