"""Archives of millions of films: the same list as a batch's, made on a Ray cluster. Needs the extra `ray`."""
