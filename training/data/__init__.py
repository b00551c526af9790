"""Describing and splitting data sets."""
