#!/bin/sh
# tools/compile_for_lambda.sh FOLDER PREFIX: compiles FOLDER's modules for Lambda's Python, 3.13, as if they stood in
# PREFIX, which is what tracebacks then say. Without bytecode Lambda, which can't write there, compiles at each cold start.
#
# Bytecode of another version would never be read, so without a Python 3.13 on this machine there is none at all.
# It says that it is valid whatever its source's time or content is: SAM's zip changes the times.
set -eu
folder=$1 prefix=$2
python=$("$(dirname "$0")/lambda_python.sh")
if [ -z "$python" ]; then
    echo "no bytecode for $prefix: there is no Python 3.13 on the PATH or named by PYTHON313=…"
    exit 0
fi
# One process with one hash seed: the same source gives the same bytes, so an unchanged layer is no new version.
unset PYTHONPATH PYTHONHOME PYTHONOPTIMIZE PYTHONPYCACHEPREFIX
PYTHONHASHSEED=0 "$python" -S -m compileall -q -f -j 1 --invalidation-mode unchecked-hash -s "$folder" -p "$prefix" "$folder"
echo "compiled $prefix with $python"
