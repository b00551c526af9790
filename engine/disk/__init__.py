"""Writing and removing: nothing but what xscan made itself is ever replaced or removed."""
