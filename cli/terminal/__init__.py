"""What all commands share: options, progress, logs, signals."""
