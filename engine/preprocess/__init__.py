"""A grey picture to a network's input: one function, the same for training, calibration and batch."""
