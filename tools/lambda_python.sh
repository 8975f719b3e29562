#!/bin/sh
# tools/lambda_python.sh: prints the path of a Python with Lambda's bytecode version, or nothing. PYTHON313 names one.
for python in "${PYTHON313:-}" python3.13 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13.*/bin/python3.13 \
    "${XDG_DATA_HOME:-$HOME/.local/share}"/uv/python/cpython-3.13.*/bin/python3.13; do
    # 3571 begins the bytecode of every 3.13 release; its alphas have other numbers
    if "$python" -c 'import importlib.util, sys
sys.exit(importlib.util.MAGIC_NUMBER != b"\xf3\r\r\n" or sys.implementation.name != "cpython")' 2>/dev/null; then
        echo "$python"
        exit
    fi
done
