#!/bin/sh
# Installs requirements into an environment, from the index that uv or pip is set to: the lock file names PyPI's own host,
# which a company's or a country's mirror stands in for.
#
#   tools/install.sh ENVIRONMENT REQUIREMENTS [options of uv]
set -e
environment=$1 requirements=$2
shift 2
index=${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-${PIP_INDEX_URL:-}}}
if [ -z "$index" ]; then
    index=$("$environment/bin/python" -m pip config get global.index-url 2>/dev/null ||
        .tools/uv/bin/python -m pip config get global.index-url 2>/dev/null || true)
fi
if [ -n "$index" ]; then
    export UV_DEFAULT_INDEX="$index" PIP_INDEX_URL="$index"
fi
unset UV_INDEX_URL

if [ "$environment" = .tools/uv ]; then # what installs uv itself
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$requirements" && exit
else
    .tools/uv/bin/uv pip install --quiet --python "$environment" "$@" -r "$requirements" && exit
fi
cat >&2 <<END
These packages couldn't be installed from ${index:-https://pypi.org/simple}.
If it can't be reached from here, name an index that can, and run the same command again:
  export PIP_INDEX_URL=https://your-mirror/simple   (or UV_INDEX_URL, or index-url in pip's configuration)
  export HTTPS_PROXY=http://your-proxy:3128         (if there is a proxy)
END
exit 1
