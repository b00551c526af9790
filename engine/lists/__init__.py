"""The triage list and what stands beside it: rows, run report, other formats, joining, sorting anew."""
