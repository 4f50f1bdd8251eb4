"""Hand this machine's pip settings to an image build, without a trace of them in the image.

    python pip_settings.py FOLDER

writes FOLDER/pip.conf and prints the mounts it needs, one ``source:target:ro`` a line: the file
itself as /etc/pip.conf, and each local file or folder that it names, at its own path.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_OF_THIS_MACHINE_ONLY = {"cache-dir", "user", "require-virtualenv", "no-cache-dir", "target"}


def main() -> None:
    folder = Path(sys.argv[1])
    settings = _settings()
    lines = ["[global]", *(f"{name} = {value}" for name, value in settings.items())]
    (folder / "pip.conf").write_text("\n".join(lines) + "\n")
    mounts = {f"{folder / 'pip.conf'}:/etc/pip.conf:ro"}
    for value in settings.values():
        mounts |= {f"{path}:{path}:ro" for path in _local_paths(value)}
    sys.stdout.write("".join(f"{mount}\n" for mount in sorted(mounts)))


def _settings() -> dict[str, str]:
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    ranked: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listed.splitlines():
        key, _, quoted = line.partition("=")
        section, _, name = key.rpartition(".")
        if section in ranked and name not in _OF_THIS_MACHINE_ONLY:
            # An option may hold several values, a line each; pip.conf takes them in one line too.
            ranked[section][name] = " ".join(ast.literal_eval(quoted).split())
    return ranked["global"] | ranked["install"] | ranked[":env:"]


def _local_paths(value: str) -> Iterator[Path]:
    for word in value.split():
        path = Path(word.removeprefix("file://"))
        if path.is_absolute() and path.exists():
            # An index's pages link to the files beside it.
            yield path.parent if path.name == "simple" else path


if __name__ == "__main__":
    main()
