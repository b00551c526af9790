"""The night's run: finds films, feeds workers, writes the list as rows come."""
