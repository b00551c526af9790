#!/usr/bin/env bash
# On a machine with an NVIDIA GPU: build pycuda, run the GPU tests, build, compare and measure engines (gpu_table.py),
# run a whole batch with each, and the parts that need no TensorRT (gpu_staging.py); print it all, and one table at the end.
# A failure stops nothing and is named at the end. Exits 1 if anything failed, 4 where no GPU answers: then the rows that
# need one say so, and the rest is run.
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

CARD=yes
if ! nvidia-smi --query-gpu=name,driver_version,compute_cap --format=csv,noheader > "$WORK/gpu" 2>/dev/null; then
  CARD=
  echo "no card: nvidia-smi finds no NVIDIA GPU, or no driver" > "$WORK/gpu"
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
if [ -n "$CARD" ] && [ -z "${PIP_NO_INDEX:-}" ] && ! "$PYTHON" -c 'import pycuda.driver' 2>/dev/null; then
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
for package in tensorrt tensorrt-rtx polygraphy; do
  "$PYTHON" -c "import ${package//-/_}" 2>/dev/null \
    || [ -n "${PIP_NO_INDEX:-}" ] \
    || { [ "$package" = tensorrt ] && [ -z "$CARD" ]; } \
    || "$PYTHON" -m pip install --quiet --disable-pip-version-check "$package" >&2 \
    || say "$package could not be installed"
done

FILMS=${1:-}

echo "# xscan on a GPU"
echo
echo "- GPU, driver, compute capability: $(cat "$WORK/gpu")"
for package in tensorrt tensorrt-rtx onnxruntime-ep-nv-tensorrt-rtx-cu13 pycuda polygraphy onnxruntime; do
  echo "- $package $("$PYTHON" -c "import importlib.metadata as m; print(m.version('$package'))" 2>/dev/null || echo 'not installed')"
done
echo
echo '## Tests marked `gpu`'
echo
echo '```'
if "$PYTHON" -m pytest -m gpu -rs tests/engine/runtime > "$WORK/log" 2>&1; then TESTS=passed; else TESTS=failed; failed "tests marked gpu"; fi
[ -n "$CARD" ] || TESTS="skipped: no card"
tail -15 "$WORK/log"
echo '```'
echo
echo "## Engines of the default network"
echo
echo "Against the same graph on ONNX Runtime, on the processor (onnxruntime: against float32); films: ${FILMS:-phantoms}."
echo
TABLE=0
"$PYTHON" scripts/gpu_table.py ${FILMS:+"$FILMS"} || TABLE=$?
[ "$TABLE" = 0 ] || [ "$TABLE" = 4 ] || failed "a row of the table of engines"
echo
echo "## A whole batch"
echo
[ -n "$FILMS" ] || { FILMS=$WORK/films; "$PYTHON" -m xscan.cli phantom "$FILMS" --count 64 >&2; }
BATCH=
for runtime in onnxruntime tensorrt tensorrt-rtx ort-rtx; do
  engine=$WORK/$runtime.engine
  if [ -z "$CARD" ] && [ "$runtime" != onnxruntime ]; then BATCH+="; $runtime: no card"; continue; fi
  if "$PYTHON" -m xscan.cli build-engine --runtime "$runtime" --out "$engine" > "$WORK/log" 2>&1 \
    && "$PYTHON" -m xscan.cli batch "$FILMS" --engine "$engine" --out "$WORK/$runtime.csv" --max-failures 100% \
      > "$WORK/log" 2>&1; then
    BATCH+="; $runtime: runs"
    echo '```'
    grep -h ' a second, \|^engine: ' "$WORK/log" || true
    echo '```'
  else
    BATCH+="; $runtime: failed"
    failed "batch with $runtime: $(tail -1 "$WORK/log" | cut -c1-120)"
  fi
done
echo
if [ -z "$CARD" ]; then
  STAGING="no card"
  echo "## Staging without TensorRT: no card"
elif "$PYTHON" scripts/gpu_staging.py | sed 's/^#/##/'; then
  STAGING=runs
else
  STAGING=failed
  failed "a claim of gpu_staging.py"
fi
echo
echo "## All of it"
echo
echo "| part | result |"
echo "|---|---|"
echo "| tests marked gpu | $TESTS |"
echo "| engines, compared and timed | $([ "$TABLE" = 0 ] || [ "$TABLE" = 4 ] && echo "see the table above" || echo failed)$([ -n "$CARD" ] || echo '; no card') |"
echo "| a whole batch | ${BATCH#; } |"
echo "| copies, lanes, graphs, a lost device (gpu_staging.py) | $STAGING |"
for text in "${FAILED[@]+"${FAILED[@]}"}"; do echo "| failed | $text |"; done
[ ${#FAILED[@]} -eq 0 ] || exit 1
[ -n "$CARD" ] || exit 4
