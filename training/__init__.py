"""Data set, split, architectures, training, sweep, evaluation and ONNX export. Needs the extra `train`."""

import os

# TensorFlow leaves oneDNN off on some CPUs (AMD Zen 3), where it halves the time of a step. Read when it is imported.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
