#!/usr/bin/env bash
# Creates a virtual environment with the pinned peer implementations.
#
#   ./setup.sh [VENV]      VENV defaults to .venv-peers in the current folder
#
# PYTHON selects the interpreter (default python3; 3.11 or later is needed).
# TORCH=1 adds PyTorch (more than a gigabyte), which only models/benches/peers/plrnn.py uses.
set -euo pipefail

venv="${1:-.venv-peers}"
python="${PYTHON:-python3}"

"$python" -m venv "$venv"
# Keeps the environment out of version control wherever it is put.
echo '*' > "$venv/.gitignore"

"$venv/bin/python" -m pip install --disable-pip-version-check --quiet \
    numpy==2.4.6 \
    scipy==1.17.1 \
    jax==0.10.2 \
    jaxlib==0.10.2 \
    jaxtyping==0.3.11 \
    equinox==0.13.8 \
    lineax==0.1.1 \
    optimistix==0.1.0 \
    diffrax==0.7.2 \
    exponax==0.2.0 \
    pydiffsol==0.6.2 \
    torch==2.15.0 \
    torchode==1.0.1 \
    torchsde==0.2.6 \
    torchdiffeq==0.2.5 \
    optax==0.2.8

"$venv/bin/python" - <<'PY'
from importlib.metadata import PackageNotFoundError, version

for name in ("numpy", "scipy", "jax", "equinox", "diffrax", "exponax", "pydiffsol", "torch", "torchode", "torchsde", "torchdiffeq", "optax"):
    try:
        print(f"{name} {version(name)}")
    except PackageNotFoundError:
        print(f"{name} not installed")
PY
