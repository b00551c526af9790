"""Changing ONNX graphs: layout, folding, half precision, running parts of them."""
