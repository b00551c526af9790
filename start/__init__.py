"""xscan: night-time triage of chest radiographs.

Its rooms are xscan.cli, xscan.engine, xscan.calibration and xscan.training; docs/architecture.md says what each does.
"""
