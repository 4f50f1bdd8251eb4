"""Make a runtime bundle from an image, as compose.yaml would have an engine run it.

    buildah inspect --type image IMAGE | python make_bundle.py BUNDLE ROOTFS [NAME=VALUE ...]

Read-only root, a /tmp in memory, no capabilities, no way to new privileges, and processes of its
own; only the network is this machine's. User, command, environment and folder are the image's.
"""

import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    bundle, rootfs, *environment = sys.argv[1:]
    image = json.load(sys.stdin)["Docker"]["config"]
    spec = _spec(image, rootfs, environment)
    Path(bundle, "config.json").write_text(json.dumps(spec, indent=2))


def _spec(image: dict[str, Any], rootfs: str, environment: list[str]) -> dict[str, Any]:
    user, _, group = image["User"].partition(":")
    nothing_allowed: dict[str, list[str]] = {
        kind: [] for kind in ("bounding", "effective", "inheritable", "permitted", "ambient")
    }
    return {
        "ociVersion": "1.0.0",
        "process": {
            "terminal": False,
            "user": {"uid": int(user or 0), "gid": int(group or 0)},
            "args": [*(image["Entrypoint"] or []), *image["Cmd"]],
            "env": [*image["Env"], *environment],
            "cwd": image["WorkingDir"],
            "capabilities": nothing_allowed,
            "noNewPrivileges": True,
        },
        "root": {"path": rootfs, "readonly": True},
        "hostname": "image-test",
        "mounts": [
            _mount("/proc", "proc"),
            _mount("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
            _mount("/dev/shm", "tmpfs", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
            _mount("/tmp", "tmpfs", "nosuid", "noexec", "nodev", "mode=1777", "size=512m"),
            _same("/etc/hosts"),
            _same("/etc/resolv.conf"),
        ],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]},
    }


def _mount(target: str, kind: str, *options: str) -> dict[str, Any]:
    return {"destination": target, "type": kind, "source": kind, "options": list(options)}


def _same(path: str) -> dict[str, Any]:
    return {"destination": path, "type": "bind", "source": path, "options": ["bind", "ro"]}


if __name__ == "__main__":
    main()
