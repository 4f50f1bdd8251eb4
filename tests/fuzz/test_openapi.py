"""Schemathesis makes requests from the OpenAPI document, and holds the answers against it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_EXAMPLES = 5  # by chance, besides the some 700 that the document makes whatever the seed is


@pytest.mark.timeout(600)
def test_the_service_does_what_its_document_says(target: Any, tmp_path: Path, rounds: int) -> None:
    run = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            "run",
            target.service.url + "/openapi.json",
            "--seed=1",
            f"--max-examples={_EXAMPLES * rounds}",
            # No pattern says all that makes a URL: some that match the document's are refused.
            # A job that was called off, which is what DELETE does, is still there.
            "--exclude-checks=positive_data_acceptance,use_after_free",
            # The events of a job go on for as long as the job does.
            "--exclude-operation-id=followJob",
            "--suppress-health-check=all",
            "--request-timeout=20",
            f"--header=Authorization: Bearer {target.key}",
            "--no-color",
        ],
        cwd=tmp_path,  # where it leaves a cache of examples
        env={"PATH": "", "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    target.check()
