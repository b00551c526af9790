"""Plan, calibrate, accept, compile: `xscan build-engine`."""
