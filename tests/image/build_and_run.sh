#!/usr/bin/env bash
# Builds the image and runs it as compose.yaml would, on a machine without a container engine.
#
# Debian's buildah builds it (on a base made by make_base.sh, since no registry is asked for
# anything but Python packages), crun runs it, and what matters is checked from outside. Needs root
# and some 4 GB of space; takes a few minutes. Leaves nothing behind but installed packages.
#
#   BASE=FOLDER  keep the base image's files in FOLDER, or use those that are there
set -euo pipefail
cd "$(dirname "$0")/../.."
here=tests/image

readonly DRAIN_SECONDS=20
readonly HEALTHY_WITHIN=30
readonly IMAGE=imgup:test
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot

say() { printf '\n== %s\n' "$*"; }
ok() { printf '  ok: %s\n' "$*"; }
fail() {
    printf 'FAILED: %s\n' "$*" >&2
    if [[ -s ${work:-}/service.log ]]; then
        printf 'The last lines of the service:\n' >&2
        tail -n 30 "$work/service.log" >&2
    fi
    exit 1
}

# --- what it takes --------------------------------------------------------------------------

((EUID == 0)) || fail 'this needs root (debootstrap and chroot do)'
missing=()
for tool in buildah crun debootstrap; do
    command -v "$tool" >/dev/null || missing+=("$tool")
done
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
if ((${#missing[@]})); then
    say "installing ${missing[*]}"
    command -v apt-get >/dev/null || fail "install ${missing[*]} first; there is no apt-get here"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -o DPkg::Lock::Timeout=120 update -qq
    apt-get -o DPkg::Lock::Timeout=120 install -qq -y --no-install-recommends "${missing[@]}"
fi

work=$(mktemp -d --tmpdir imgup-image-XXXXXX)
name=$(basename "$work") # the container's, too
buildah() { command buildah --root "$work/storage" --runroot "$work/run" "$@"; }
crun() {
    # crun refuses a machine that has both kinds of control groups, though none is used here; so it
    # is not shown the second kind, in a mount namespace of its own.
    unshare --mount sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null; exec crun "$@"' sh \
        --root "$work/crun" --cgroup-manager=disabled "$@"
}

clean_up() {
    crun delete --force "$name" 2>/dev/null
    wait
    # Nothing is deleted through a mount that a broken build has left.
    awk -v folder="$work/" 'index($5, folder) == 1 { print $5 }' /proc/self/mountinfo |
        sort -r | xargs -r -n 1 umount --lazy
    rm -rf --one-file-system "$work"
}
trap 'set +e; clean_up' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- build ----------------------------------------------------------------------------------

wanted_base=$(sed -n 's/^FROM \([^ ]*\).*/\1/p' Dockerfile)
base=${BASE:-$work/base}
if [[ ! -x $base/usr/local/bin/python ]]; then
    say "base: stand-in for $wanted_base, by debootstrap"
    $here/make_base.sh "$base"
fi
container=$(buildah from scratch)
buildah add --quiet "$container" "$base" / >/dev/null
buildah config --cmd python3 --env PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin \
    "$container"
buildah commit --quiet --rm --format docker "$container" "docker.io/library/$wanted_base" >/dev/null
ok "base has $(chroot "$base" /usr/local/bin/python --version), $(du -sh "$base" | cut -f1)"

say "build"
mkdir "$work/pip"
mapfile -t mounts < <(python3 $here/pip_settings.py "$work/pip")
buildah build --pull=never --network host --format docker --layers \
    "${mounts[@]/#/--volume=}" --tag "$IMAGE" .

say "layers"
buildah push --quiet "$IMAGE" "oci:$work/layout"
python3 $here/show_layers.py "$work/layout"

# --- run ------------------------------------------------------------------------------------

say "run"
container=$(buildah from --pull=never "$IMAGE")
rootfs=$(buildah mount "$container")
[[ ! -s $rootfs/etc/pip.conf ]] || fail "this machine's pip settings are in the image"
ok "$(du -sh "$rootfs" | cut -f1) on disk, of which $(du -sh "$rootfs/app" | cut -f1) in /app"
read -r port sandbox_port < <(python3 -c '
import socket
with socket.create_server(("", 0)) as one, socket.create_server(("", 0)) as other:
    print(one.getsockname()[1], other.getsockname()[1])')
mkdir "$work/bundle"
buildah inspect --type image "$IMAGE" >"$work/image.json"
python3 $here/make_bundle.py "$work/bundle" "$rootfs" "PORT=$port" "SANDBOX_PORT=$sandbox_port" \
    WORKER_COUNT=2 "DRAIN_SECONDS=$DRAIN_SECONDS" <"$work/image.json"
mapfile -t health_check < <(python3 -c '
import json, sys
kind, *command = json.load(sys.stdin)["Docker"]["config"]["Healthcheck"]["Test"]
assert kind == "CMD", "exec form expected"
print(*command, sep="\n")' <"$work/image.json")

started=$(date +%s%N)
milliseconds() { echo $((($(date +%s%N) - started) / 1000000)); }

crun run --bundle "$work/bundle" --pid-file "$work/pid" "$name" >"$work/service.log" 2>&1 </dev/null &
runtime=$!
until crun exec "$name" "${health_check[@]}" >"$work/health.log" 2>&1; do
    kill -0 "$runtime" 2>/dev/null || fail 'the container ended before it was healthy'
    (($(milliseconds) < HEALTHY_WITHIN * 1000)) ||
        fail "not healthy within $HEALTHY_WITHIN s: $(tail -n 1 "$work/health.log")"
    sleep 0.2
done
ok "healthy by its own HEALTHCHECK after $(milliseconds) ms"

python3 $here/check_service.py "http://127.0.0.1:$port" "http://127.0.0.1:$sandbox_port"
# Where an engine's own exec would run it: in the image's folder.
links=$(crun exec --cwd /app "$name" python -m imgup links --url "http://127.0.0.1:$port" \
    2>>"$work/service.log") ||
    fail 'the command line does not work inside'
[[ $(wc -l <<<"$links") == 6 ]] || fail "the command line lists other links: $links"
ok 'the command line works inside'

first=$(<"$work/pid")
namespace=$(readlink "/proc/$first/ns/pid")
inside() { # the container's processes, by their pids out here
    for process in /proc/[0-9]*; do
        if [[ $(readlink "$process/ns/pid") == "$namespace" ]]; then
            echo "${process#/proc/}"
        fi
    done 2>/dev/null
}
mapfile -t pids < <(inside)
for pid in "${pids[@]}"; do
    status=$(<"/proc/$pid/status")
    for wanted in $'Uid:\t10001\t10001\t10001\t10001' $'CapEff:\t0000000000000000' \
        $'NoNewPrivs:\t1'; do
        [[ $status == *"$wanted"* ]] || fail "process $pid has not ${wanted//$'\t'/ }"
    done
    [[ $status != *$'State:\tZ'* ]] || fail "process $pid is a zombie"
done
ok "${#pids[@]} processes, all of uid 10001, without capabilities, none a zombie"
grep -qz '^PYTHON' "/proc/$first/environ" && [[ $(tr '\0' ' ' <"/proc/$first/cmdline") == python\ * ]] ||
    fail 'process 1 is not the service itself'
! crun exec "$name" touch /app/written 2>/dev/null || fail 'the root file system can be written'
crun exec "$name" touch /tmp/written || fail '/tmp cannot be written'
ok 'works with a read-only root file system; only /tmp can be written'

started=$(date +%s%N)
crun kill "$name" TERM
while kill -0 "$runtime" 2>/dev/null; do
    (($(milliseconds) < (DRAIN_SECONDS + 2) * 1000)) || fail 'SIGTERM did not end it in time'
    sleep 0.05
done
code=0
wait "$runtime" || code=$?
took=$(milliseconds)
((code == 0)) || fail "after SIGTERM the container ended with exit code $code, after $took ms"
ok "SIGTERM to process 1 ended it with exit code 0 after $took ms"
[[ -z $(inside) ]] || fail "processes left: $(inside)"
ok 'no process is left'

printf '\nimage test passed\n'
