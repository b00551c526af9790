"""Data set, split, architectures, training, evaluation and ONNX export. Needs the extra `train`."""
