"""How the default network was made, and the study's networks."""
