"""Timers: systemd, cron, Windows; and whether the last night was good."""
