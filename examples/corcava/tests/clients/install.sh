#!/bin/sh
# Installs what the client tests run, exactly as the lock files say; quick when nothing changed.
#
# Needs Node >= 20 with npm and Python >= 3.11 with venv. The SDKs and their flows are those of the mittwald server's tests.
set -eu
cd "$(dirname "$0")"

CLIENTS_LOCKED= ../../../mittwald/tests/clients/install.sh

# Two test processes may start at once: the second waits and then finds everything done.
if [ "${CLIENTS_LOCKED:-}" != 1 ] && command -v flock >/dev/null; then
    CLIENTS_LOCKED=1 exec flock ./install.sh ./install.sh
fi

want=$({ node --version; cat package.json package-lock.json; } | sha256sum | cut -d ' ' -f 1)
stamp=node_modules/.installed
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$want" ]; then
    # No package here needs its install script, so none may run one.
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
    echo "$want" >"$stamp"
fi
