"""Changing ONNX graphs: layout, half precision, running parts of them."""
