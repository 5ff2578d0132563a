#!/usr/bin/env bash
# Makes the Python environment in which the golden values are computed and the peers are timed.
# The project itself needs no Python.
#
#   tools/reference/make_env.sh [FOLDER]             what most scripts need
#   tools/reference/make_env.sh --NAME [FOLDER]      what requirements-NAME.txt lists, apart: --bornagain
set -euo pipefail
name=
if [[ ${1:-} == --* ]]; then
    name=-${1#--}
    shift
fi
if [[ -z $name ]]; then
    folder=${1:-${XSCATTER_REFERENCE_ENV:-$HOME/.cache/xscatter/reference-env}}
else
    folder=${1:-$HOME/.cache/xscatter/${name#-}-env}
fi
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --only-binary=:all: -r "$(dirname "$0")/requirements$name.txt"
echo "$folder/bin/python"
