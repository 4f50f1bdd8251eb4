"""Contracts of pyproject.toml hold for this tree, and each is broken by an import it forbids."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("imgup", "sandbox", "service", "workers")

FORBIDDEN = [
    ("processes", "workers/contract/quota.py", "import workers.state.metrics"),
    ("processes", "workers/state/metrics.py", "import workers.worker.webhook"),
    ("processes", "workers/worker/webhook.py", "import workers.state.metrics"),
    ("processes", "workers/worker/webhook.py", "import workers.runtime.scaling"),
    ("surface", "service/run.py", "import workers.contract.quota"),
    ("surface", "service/run.py", "from workers.runtime import scaling"),
    ("standalone", "sandbox/faults.py", "import workers"),
    ("standalone", "imgup/states.py", "import sandbox"),
    ("bottom", "imgup/states.py", "import service"),
    ("bottom", "workers/contract/quota.py", "import service.settings"),
    ("service", "service/settings/values.py", "import service.problems"),
    ("service", "service/http/shares.py", "import service.middleware"),
    ("service", "service/views/link_views.py", "import service.resources"),
    ("acyclic", "workers/state/jobs/job.py", "import workers.state.mailbox"),
    ("acyclic", "workers/worker/http/guard.py", "import workers.worker.source.fetch"),
]


def _lint(tree: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as main; main()",
    ]
    return subprocess.run(
        [*command, "--no-logo", "--no-cache", *options],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def test_every_contract_is_kept(tree: Path) -> None:
    linted = _lint(tree)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize(("contract", "module", "line"), FORBIDDEN)
def test_a_forbidden_import_breaks_its_contract(
    tree: Path, contract: str, module: str, line: str
) -> None:
    path = tree / module
    text = path.read_text()
    path.write_text(f"{text}\n{line}\n")
    linted = _lint(tree, "--contract", contract)
    path.write_text(text)
    assert linted.returncode == 1, linted.stdout + linted.stderr
    assert "1 broken" in linted.stdout
