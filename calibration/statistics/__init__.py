"""Figures and their intervals: ROC AUC, calibration error, bootstrap by patients."""
