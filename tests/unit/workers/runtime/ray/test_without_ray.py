"""`ray` is an optional extra, imported with BACKEND=ray only."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[5]


def _python(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command, env = [sys.executable, "-c", code], {"PATH": os.environ["PATH"]} | environ
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_service_and_its_workers_import_nothing_of_ray() -> None:
    answer = _python(
        "import sys, service.run, workers.runtime.backends\n"
        "import workers.runtime.local.processes, workers.runtime.local.manager\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'ray'])"
    )
    assert (answer.stdout, answer.stderr) == ("[]\n", "")


def test_without_ray_its_backend_is_refused_in_one_line_that_says_what_to_install() -> None:
    answer = _python(
        "import sys; sys.modules['ray'] = None\nimport service.run; sys.exit(service.run.main())",
        BACKEND="ray",
        HOST="127.0.0.1",
        PORT="0",
        LOG_LEVEL="ERROR",
    )
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert "requirements-ray.txt" in answer.stderr


def test_removing_a_backend_needs_a_cluster() -> None:
    answer = _python("import sys, service.remove_board as r; sys.exit(r.main())")
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert "RAY_ADDRESS" in answer.stderr
