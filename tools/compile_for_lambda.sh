#!/bin/sh
# tools/compile_for_lambda.sh FOLDER PREFIX: compiles FOLDER's modules for Lambda's Python, 3.13. PREFIX is their folder
# in Lambda, for tracebacks. Without bytecode Lambda compiles at each cold start, because it can't write there.
#
# Bytecode of another version would never be used, so without a Python 3.13 on this machine nothing is compiled.
# The bytecode is marked as valid whatever its source's time or content, because SAM's zip changes the times.
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
