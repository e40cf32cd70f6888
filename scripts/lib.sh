# Shared by the scripts: a .venv that matches a lock file, and the Debian packages tests and demo need.
# shellcheck shell=bash

fail() { printf '%s\n' "$@" >&2; exit 1; }

# The Python to use: the system's own before others, for that is what a station runs; one that can make a .venv
# before one that cannot. KAGA_PYTHON names another.
find_python() {
  local name good='' right="import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))"
  local names=(/usr/bin/python3 python3 python3.11 python3.12 python3.13)
  if [ -n "${KAGA_PYTHON:-}" ]; then names=("$KAGA_PYTHON"); fi
  for name in "${names[@]}"; do
    "$name" -c "$right" 2>/dev/null || continue
    if "$name" -c 'import ensurepip, venv' 2>/dev/null; then printf '%s' "$name"; return 0; fi
    good=${good:-$name}
  done
  [ -n "$good" ] || fail "kaga-edge needs Python 3.11, 3.12 or 3.13. On Debian 12 and Raspberry Pi OS: apt install python3"
  printf '%s' "$good"
}

# apt_ready [LIST...]: install what the lists name (scripts/apt-packages); without root, print the one line to type.
apt_ready() {
  local lists=("${@:-scripts/apt-packages}")
  local missing=() package
  command -v dpkg-query >/dev/null || return 0
  while read -r package _; do
    case "$package" in ''|'#'*) continue ;; esac
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done < <(cat "${lists[@]}")
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$(id -u)" -eq 0 ]; then
    echo "installing Debian packages: ${missing[*]}"
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}"; } \
      >/dev/null || fail "apt could not install: ${missing[*]}"
  else
    fail "These Debian packages are missing. Type:" "  sudo apt install --no-install-recommends ${missing[*]}"
  fi
}

# venv_ready LOCKFILE: make .venv hold exactly the locked versions (does nothing when it already does).
venv_ready() {
  local lock=$1 stamp python
  stamp=.venv/.locked
  # The development lock holds everything the plain one does.
  if [ -f "$stamp" ] && { cmp -s "$stamp" "$lock" || cmp -s "$stamp" requirements-dev.lock; }; then return 0; fi
  python=$(find_python)
  "$python" -c 'import ensurepip, venv' 2>/dev/null || apt_ready <(echo python3-venv)
  echo "setting up .venv from $lock (once; one to three minutes)"
  [ -x .venv/bin/python ] || "$python" -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock" ||
    fail "pip could not install $lock; see the lines above."
  # The package itself runs from this folder: nothing to build, nothing to keep in step.
  .venv/bin/python - <<'PY'
import pathlib, site, sys
pathlib.Path(site.getsitepackages()[0], "kaga_edge.pth").write_text(str(pathlib.Path.cwd()) + "\n")
command = pathlib.Path(".venv/bin/kaga-edge")
command.write_text(f"#!{sys.executable}\nimport sys\nfrom kaga_edge.cli import main\nsys.exit(main())\n")
command.chmod(0o755)
PY
  cp "$lock" "$stamp"
}
