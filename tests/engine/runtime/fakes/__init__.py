"""A strict stand-in for `tensorrt`, `tensorrt_rtx`, pycuda.driver and the CUDA driver: a state machine of their rules.

It refuses what the real ones refuse, and what they leave undefined: a capture while a shape is pending, a replay after
its context's shape or addresses changed, a relaxed capture, work on what is closed, memory freed too early or after its
context, anything left at the end. A broken rule is raised and kept in `Driver.broken_rules`, so that nobody can swallow
it. With `fail_at` the nth call fails as the real one would. Plans that its builder makes compute what their graph says,
by ONNX Runtime: it proves nothing of a GPU's arithmetic.

Rules are those of NVIDIA's documentation: CUDA Driver API (stream capture, graph memory), TensorRT Developer Guide
("CUDA graphs", "Working with dynamic shapes"), TensorRT for RTX ("CUDA graphs", "Runtime cache"). That names and
arguments are the real ones' is held by test_bindings.py.

driver    pycuda.driver and libcuda      plans    what a plan computes
running   engines and contexts           building builder, parser, configuration
module    the module `tensorrt`          card     puts all of it into a process
"""
