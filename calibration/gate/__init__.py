"""Fitting the outlier gate."""
