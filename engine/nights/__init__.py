"""What many nights tell: the history of runs and films, lists by date, what is new tonight."""
