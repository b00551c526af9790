#!/usr/bin/env bash
# On a machine with an NVIDIA GPU: build pycuda, run the GPU tests, build and measure engines, print a table.
# Last come the parts that need no TensorRT (scripts/gpu_staging.py).
#
#   scripts/gpu_check.sh [FOLDER WITH RADIOGRAPHS]     default: phantoms
#
# Wants python3 (3.11 to 3.13), the NVIDIA driver and a CUDA toolkit (nvcc). Everything is installed into
# .venv-gpu beside the repository's files; nothing outside is changed. The table goes to stdout, the rest to stderr:
#   scripts/gpu_check.sh > benchmarks/results/gpu-$(hostname).md
# Without network: PIP_NO_INDEX=1 takes what PYTHON can import, xscan too, and installs nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
VENV=.venv-gpu
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
say() { echo "gpu_check: $*" >&2; }
FAILED=()
failed() { FAILED+=("$1"); say "failed: $1"; }  # goes on: one failure hides no other

if ! nvidia-smi --query-gpu=name,driver_version,compute_cap --format=csv,noheader > "$WORK/gpu" 2>/dev/null; then
  say "no NVIDIA GPU, or its driver does not answer (nvidia-smi)"
  exit 4
fi
say "$(cat "$WORK/gpu")"

if [ -z "${PIP_NO_INDEX:-}" ]; then
  [ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
  PYTHON=$PWD/$VENV/bin/python
  "$PYTHON" -m pip install --quiet --disable-pip-version-check -e . pytest >&2
else
  "$PYTHON" -c 'import xscan.cli.app, pytest' || { say "PIP_NO_INDEX is set, and PYTHON lacks what is named above"; exit 2; }
fi

# pycuda is a source package. The traps: an nvcc on the PATH that is only a wrapper, CURAND headers that are not
# there, and no libcuda to link with where only a container's driver is mounted.
if ! "$PYTHON" -c 'import pycuda.driver' 2>/dev/null && [ -z "${PIP_NO_INDEX:-}" ]; then
  CUDA=${CUDA_HOME:-}
  if [ -z "$CUDA" ]; then
    NVCC=$(command -v nvcc || ls -d /usr/local/cuda*/bin/nvcc 2>/dev/null | sort -V | tail -1 || true)
    [ -n "$NVCC" ] && CUDA=$(dirname "$(dirname "$(readlink -f "$NVCC")")")
  fi
  if [ -z "$CUDA" ] || [ ! -x "$CUDA/bin/nvcc" ]; then
    say "no nvcc: pycuda cannot be built; install a CUDA toolkit or set CUDA_HOME"
  else
    say "building pycuda with $CUDA"
    "$PYTHON" -m pip download --quiet --no-deps --no-binary :all: --dest "$WORK" pycuda >&2
    tar -xzf "$WORK"/pycuda-*.tar.gz -C "$WORK"
    (
      cd "$WORK"/pycuda-*/
      cat > siteconf.py <<EOF
CUDA_ROOT = "$CUDA"
CUDA_ENABLE_CURAND = False
CUDADRV_LIB_DIR = ["$CUDA/lib64/stubs", "$CUDA/lib64", "/usr/lib/x86_64-linux-gnu"]
CUDADRV_LIBNAME = ["cuda"]
CUDART_LIB_DIR = ["$CUDA/lib64"]
CUDART_LIBNAME = ["cudart"]
EOF
      PATH="$CUDA/bin:$PATH" "$PYTHON" -m pip install --quiet . >&2
    ) || say "pycuda did not build"
  fi
fi

# Full TensorRT is 3.7 GB from the vendor's own index; a failure leaves TensorRT for RTX.
for package in tensorrt tensorrt-rtx; do
  "$PYTHON" -c "import ${package//-/_}" 2>/dev/null \
    || [ -n "${PIP_NO_INDEX:-}" ] \
    || "$PYTHON" -m pip install --quiet --disable-pip-version-check "$package" >&2 \
    || say "$package could not be installed"
done

FILMS=${1:-}
if [ -z "$FILMS" ]; then
  FILMS=$WORK/films
  "$PYTHON" -m xscan.cli phantom "$FILMS" --count 64 >&2
fi

echo "# xscan on a GPU"
echo
echo "- GPU, driver, compute capability: $(cat "$WORK/gpu")"
for package in tensorrt tensorrt-rtx pycuda onnxruntime; do
  echo "- $package $("$PYTHON" -c "import importlib.metadata as m; print(m.version('$package'))" 2>/dev/null || echo 'not installed')"
done
echo
echo '## Tests marked `gpu`'
echo
echo '```'
"$PYTHON" -m pytest -m gpu -rs tests/engine/runtime > "$WORK/log" 2>&1 || failed "tests marked gpu"
tail -15 "$WORK/log"
echo '```'
echo
echo "## Engines of the default network"
echo
echo "| runtime | precision | result | films/s, batch 1 | batch 8 | batch 32 | p99 ms, batch 8 |"
echo "|---|---|---|---|---|---|---|"
for runtime in tensorrt tensorrt-rtx ort-rtx onnxruntime; do
  for precision in fp32 fp16 int8; do
    [ "$runtime-$precision" = onnxruntime-fp16 ] && continue
    engine=$WORK/$runtime-$precision.engine
    if "$PYTHON" -m xscan.cli build-engine --runtime "$runtime" --precision "$precision" --calibrate "$FILMS" --films 256 \
        --out "$engine" --force > "$WORK/log" 2>&1 \
      && "$PYTHON" -m xscan.cli bench "$engine" --batch 1,8,32 --json > "$WORK/bench.json" 2> "$WORK/log"; then
      "$PYTHON" - "$WORK/bench.json" "$runtime" "$precision" <<'EOF'
import json, sys
rates = {r["batch"]: r for r in json.load(open(sys.argv[1]))["rates"]}
cells = [f"{rates[b]['films_a_second']:.0f}" for b in (1, 8, 32)]
print("|", " | ".join([sys.argv[2], sys.argv[3], "runs", *cells, f"{rates[8]['p99_ms']:.2f}"]), "|")
EOF
    else
      failed "$runtime $precision"
      echo "| $runtime | $precision | $(tail -1 "$WORK/log" | tr '|' '/' | cut -c1-100) | | | | |"
    fi
  done
done
echo
echo "## A whole batch"
echo
for engine in "$WORK"/*-fp16.engine; do
  [ -e "$engine" ] || continue
  echo '```'
  "$PYTHON" -m xscan.cli batch "$FILMS" --engine "$engine" --out "$WORK/triage.csv" --restart --max-failures 100% \
    > "$WORK/log" 2>&1 || failed "batch with $(basename "$engine")"
  tail -2 "$WORK/log" | head -1
  echo '```'
done
echo
"$PYTHON" scripts/gpu_staging.py | sed 's/^#/##/' || failed "a claim of gpu_staging.py"
echo
echo "## What failed"
echo
[ ${#FAILED[@]} -gt 0 ] || { echo "Nothing."; exit 0; }
printf -- '- %s\n' "${FAILED[@]}"
exit 1
