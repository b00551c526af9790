"""Temperature and operating points from out-of-fold scores."""
