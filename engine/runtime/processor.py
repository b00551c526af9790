"""What the processor can do with 8-bit numbers."""

import functools
import platform
from pathlib import Path

#: Flags of x86 processors that add four products of 8-bit numbers into 32 bits.
_DOT_PRODUCTS = {"avx512_vnni", "avx_vnni", "avx512vnni", "avxvnni", "amx_int8"}


@functools.cache
def int8_is_exact() -> bool:
    """Can ONNX Runtime add uint8 x int8 products here without saturating 16-bit sums?

    Older x86 processors saturate (onnxruntime.ai, Quantize ONNX Models, "U8S8 ... saturation"). Where the
    processor cannot be asked the answer is False: INT8 then has 7-bit weights, and `auto` stays with float32.
    """
    if platform.machine().lower() in ("arm64", "aarch64"):
        return True
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return bool(_DOT_PRODUCTS & set(flags.split()))
