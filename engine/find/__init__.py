"""Find films: walk a folder, look into zips, sort, share out between machines."""
