"""The networks that ship inside the package: NAME.onnx, each with its manifest inside."""

#: What `batch` and `build-engine` use when nothing else is asked for.
DEFAULT = "compact"
