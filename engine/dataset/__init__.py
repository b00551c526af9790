"""Labelled sets of films: folders, packed sets, patients, folds and parts."""
