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

fail() {
    echo "install.sh: $1" >&2
    exit 1
}

command -v npm >/dev/null || fail "npm is missing (Debian: apt install npm)"
node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' || fail "Node >= 20 is needed"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python >= 3.11 is needed"
python3 -c 'import ensurepip' 2>/dev/null || fail "Python's venv is missing (Debian: apt install python3-venv)"

# What an installation depends on: its lock files and the interpreter.
key() {
    runtime=$1
    shift
    { "$runtime" --version; cat "$@"; } | sha256sum | cut -d ' ' -f 1
}

for package in typescript oidc holder conformance; do
    want=$(key node "$package/package.json" "$package/package-lock.json")
    stamp="$package/node_modules/.installed"
    [ "$(cat "$stamp" 2>/dev/null || true)" = "$want" ] && continue
    # No package here needs its install script, so none may run one.
    (cd "$package" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    echo "$want" >"$stamp"
done

want=$(key python3 python/requirements.txt)
stamp=python/.venv/.installed
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$want" ]; then
    python3 -m venv --clear python/.venv
    python/.venv/bin/pip install --quiet --disable-pip-version-check \
        --require-hashes --only-binary :all: -r python/requirements.txt
    echo "$want" >"$stamp"
fi
