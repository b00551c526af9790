"""Three users' ways from the wheel in a bare environment: `pytest -m journey`."""
