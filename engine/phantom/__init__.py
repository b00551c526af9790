"""Synthetic films for demonstrations and tests."""
