"""xscan.toml, and where each setting came from."""
