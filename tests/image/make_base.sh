#!/usr/bin/env bash
# make_base.sh FOLDER: fill FOLDER with a stand-in for the image that the Dockerfile names as its
# base: Debian with `python` and `pip` in /usr/local, like there. Nothing of this machine's set-up
# (mirror, name servers) stays in it.
set -euo pipefail
folder=$1

# Where apt gets this machine's own release from, and through which proxy.
source /etc/os-release
read -r mirror _ < <(
    apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' \
        "Codename: $VERSION_CODENAME" 'Component: main' 'Created-By: Packages' | sort -u
)
proxy=$(apt-config shell proxy Acquire::http::Proxy)
eval "$proxy"
if [[ ${proxy:-} ]]; then
    export http_proxy=$proxy
fi

debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
    "$VERSION_CODENAME" "$folder" "${mirror:?apt on this machine knows no mirror}" \
    >"$folder.log" 2>&1 || { tail -n 20 "$folder.log" >&2; exit 1; }

# A virtual environment: pip may install there, Debian's own Python is not touched.
chroot "$folder" python3 -m venv /usr/local

rm -rf "$folder"/var/cache/apt/* "$folder"/var/lib/apt/lists/* "$folder"/var/log/* \
    "$folder"/etc/apt/sources.list "$folder"/etc/resolv.conf "$folder"/etc/hostname
find "$folder/usr" -type d -name __pycache__ -prune -exec rm -rf {} + # as in the real one
