"""An ONNX file that is all in one piece: what was hashed is what is loaded.

ONNX lets weights stand in other files. Those could be swapped between two nights without the network's hash telling,
and a path in them could name any file of the machine, so a network with such weights is refused.
"""

from typing import TYPE_CHECKING

from ..errors import EngineError
from .manifest import KEY, Manifest

if TYPE_CHECKING:
    import onnx


def manifest_inside(name: str, content: bytes) -> Manifest:
    """The manifest that an ONNX file carries. Raises EngineError."""
    found = {entry.key: entry.value for entry in _parse(name, content).metadata_props}
    if KEY not in found:
        raise EngineError(f"{name} has no xscan manifest: make it with xscan export")
    return Manifest.from_json(found[KEY])


def input_of(name: str, content: bytes) -> str:
    """The name of an ONNX file's input. Raises EngineError."""
    graph = _parse(name, content).graph
    constants = {tensor.name for tensor in graph.initializer}
    names = [value.name for value in graph.input if value.name not in constants]
    if len(names) != 1:
        raise EngineError(f"{name} is no network of xscan: it has not one input, the pictures")
    return names[0]


def refuse_external_data(name: str, content: bytes) -> None:
    """Raises EngineError for a network that keeps weights outside its file, or that is no ONNX at all."""
    import onnx

    model = _parse(name, content)
    graphs: list[onnx.GraphProto] = [model.graph]
    functions = [node for function in model.functions for node in function.node]
    while graphs or functions:
        graph = graphs.pop() if graphs else onnx.GraphProto(node=[functions.pop()])
        tensors = [*graph.initializer]
        for sparse in graph.sparse_initializer:
            tensors += [sparse.values, sparse.indices]
        for node in graph.node:
            for attribute in node.attribute:
                graphs += [attribute.g, *attribute.graphs] if attribute.graphs or attribute.HasField("g") else []
                tensors += [attribute.t, *attribute.tensors]
                for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                    tensors += [sparse.values, sparse.indices]
        if any(tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data for tensor in tensors):
            raise EngineError(
                f"{name} keeps weights in files beside it, which xscan does not load: export it as one file"
            )


def _parse(name: str, content: bytes) -> "onnx.ModelProto":
    import onnx
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except (DecodeError, RecursionError):
        raise EngineError(f"{name} is not a network that ONNX Runtime can load") from None
    return model
