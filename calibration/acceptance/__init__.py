"""What a reduced engine must pass before it may be used."""
