#!/bin/sh
# Installs what the browser test runs, exactly as the lock file says; quick when nothing changed.
#
# Needs Node >= 20 with npm. Writes only below this folder.
set -eu
cd "$(dirname "$0")"

# Two test processes may start at once: the second waits and then finds everything done.
if [ "${CLIENTS_LOCKED:-}" != 1 ] && command -v flock >/dev/null; then
    CLIENTS_LOCKED=1 exec flock ./install.sh ./install.sh
fi

want=$({ node --version; cat package.json package-lock.json; } | sha256sum | cut -d ' ' -f 1)
stamp=node_modules/.installed
[ "$(cat "$stamp" 2>/dev/null || true)" = "$want" ] && exit 0
# No package here needs its install script, so none may run one.
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
echo "$want" >"$stamp"
