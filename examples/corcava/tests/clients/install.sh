#!/bin/sh
# Installs what the client tests run, exactly as the lock files say; quick when nothing changed.
#
# Needs Node >= 20 with npm and Python >= 3.11 with venv. Writes only below this folder.
set -eu
cd "$(dirname "$0")"

# Two test processes may start at once: the second waits and then finds everything done.
if [ "${CLIENTS_LOCKED:-}" != 1 ] && command -v flock >/dev/null; then
    CLIENTS_LOCKED=1 exec flock ./install.sh ./install.sh
fi

key() {
    runtime=$1
    shift
    { "$runtime" --version; cat "$@"; } | sha256sum | cut -d ' ' -f 1
}

want=$(key node package.json package-lock.json)
stamp=node_modules/.installed
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$want" ]; then
    # No package here needs its install script, so none may run one.
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
    echo "$want" >"$stamp"
fi

want=$(key python3 python/requirements.txt)
stamp=python/.venv/.installed
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$want" ]; then
    python3 -m venv --clear python/.venv
    python/.venv/bin/pip install --quiet --disable-pip-version-check \
        --require-hashes --only-binary :all: -r python/requirements.txt
    echo "$want" >"$stamp"
fi
