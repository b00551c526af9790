"""What the processor can do with small numbers."""

import functools
import platform
from pathlib import Path

#: Flags of x86 processors that add four products of 8-bit numbers into 32 bits.
_DOT_PRODUCTS = {"avx512_vnni", "avx_vnni", "avx512vnni", "avxvnni", "amx_int8"}
#: Flags of x86 processors that multiply bfloat16 numbers and add the products in float32.
_BFLOAT16 = {"avx512_bf16", "amx_bf16"}


def int8_is_exact() -> bool:
    """Can ONNX Runtime add uint8 x int8 products here without saturating 16-bit sums?

    Older x86 processors saturate (onnxruntime.ai, Quantize ONNX Models, "U8S8 ... saturation"). Where the
    processor cannot be asked the answer is False: INT8 then has 7-bit weights, and `auto` stays with float32.
    """
    if platform.machine().lower() in ("arm64", "aarch64"):
        return True
    return bool(_DOT_PRODUCTS & _flags())


def multiplies_bfloat16() -> bool:
    """Has the processor instructions for bfloat16? False where it cannot be asked."""
    return bool(_BFLOAT16 & _flags())


@functools.cache
def _flags() -> frozenset[str]:
    """Of an x86 processor under Linux; empty elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return frozenset()
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return frozenset(flags.split())
