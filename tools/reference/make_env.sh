#!/usr/bin/env bash
# Makes the Python environment in which the golden values are computed and the peers are timed.
# The project itself needs no Python. Usage: tools/reference/make_env.sh [FOLDER]
set -euo pipefail
folder=${1:-${XSCATTER_REFERENCE_ENV:-$HOME/.cache/xscatter/reference-env}}
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --only-binary=:all: -r "$(dirname "$0")/requirements.txt"
echo "$folder/bin/python"
