"""The morning page: the triage list as one HTML file with small pictures (docs/triage.md)."""
