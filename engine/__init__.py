"""What runs at the clinic: find and read radiographs, preprocess, run the network, triage, write results."""

import os

# ONNX Runtime sends its maker events about the machine unless told not to before it is loaded. Nothing leaves a clinic.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

#: Class order everywhere: logits, probabilities, confusion matrices. Never taken from folder order.
CLASSES = ("normal", "bacteria", "virus")
