"""Print an image's size, layer by layer.

    python show_layers.py OCI_LAYOUT

OCI_LAYOUT is a folder written by ``buildah push IMAGE oci:FOLDER``; sizes are as transferred,
compressed.
"""

import json
import sys
from pathlib import Path
from typing import Any

_SHOWN_COMMAND = 84
_MEGABYTE = 1_000_000


def main() -> None:
    layout = Path(sys.argv[1])
    manifest = _blob(layout, json.loads((layout / "index.json").read_text())["manifests"][0])
    steps = [
        step for step in _blob(layout, manifest["config"])["history"] if not step.get("empty_layer")
    ]
    sizes = [layer["size"] for layer in manifest["layers"]]
    for size, step in zip(sizes, steps, strict=True):
        command = " ".join(step.get("created_by", "").split())
        sys.stdout.write(f"{size / _MEGABYTE:9.3f} MB  {command[:_SHOWN_COMMAND]}\n")
    sys.stdout.write(f"{sum(sizes) / _MEGABYTE:9.3f} MB  in all, compressed\n")


def _blob(layout: Path, descriptor: dict[str, Any]) -> dict[str, Any]:
    path = layout / "blobs" / descriptor["digest"].replace(":", "/")
    blob: dict[str, Any] = json.loads(path.read_text())
    return blob


if __name__ == "__main__":
    main()
