"""xscan: night-time triage of chest radiographs. The rooms are xscan.cli, xscan.engine, xscan.calibration, xscan.training."""
