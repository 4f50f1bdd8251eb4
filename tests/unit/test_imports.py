"""Contracts of pyproject.toml hold for this tree, and each is broken by an import it forbids."""

from copy import deepcopy
from pathlib import Path

import grimp
import pytest
from importlinter.api import read_configuration
from importlinter.contracts.acyclic_siblings import AcyclicSiblingsContract
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.layers import LayersContract

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
KINDS = {
    "acyclic_siblings": AcyclicSiblingsContract,
    "forbidden": ForbiddenContract,
    "independence": IndependenceContract,
    "layers": LayersContract,
}

# Of a contract: a module, and what it may not import.
FORBIDDEN = [
    ("processes", "workers.contract.quota", "workers.state.metrics"),
    ("processes", "workers.state.metrics", "workers.worker.webhook"),
    ("processes", "workers.worker.webhook", "workers.state.metrics"),
    ("processes", "workers.worker.webhook", "workers.runtime.scaling"),
    ("surface", "service.run", "workers.contract.quota"),
    ("surface", "service.run", "workers.runtime.scaling"),
    ("standalone", "sandbox.faults", "workers"),
    ("standalone", "imgup.version", "sandbox"),
    ("converter", "converter.order", "workers"),
    ("bottom", "imgup.version", "service"),
    ("bottom", "workers.contract.quota", "service.settings"),
    ("service", "service.settings.values", "service.problems"),
    ("service", "service.http.client_shares", "service.middleware"),
    ("service", "service.views.link_views", "service.resources"),
    ("acyclic", "workers.state.jobs.job", "workers.state.mailbox"),
    ("acyclic", "workers.worker.http.guard", "workers.worker.source.fetch"),
]

CONFIGURATION = read_configuration(str(PYPROJECT))
CONTRACTS = {options["id"]: options for options in CONFIGURATION["contracts_options"]}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    packages = CONFIGURATION["session_options"]["root_packages"]
    return grimp.build_graph(*packages, cache_dir=None)


def is_kept(contract: str, graph: grimp.ImportGraph) -> bool:
    options = CONTRACTS[contract]
    check = KINDS[options["type"]](options["name"], CONFIGURATION["session_options"], options)
    return check.check(deepcopy(graph), verbose=False).kept  # which changes it


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_contract_is_kept(graph: grimp.ImportGraph, contract: str) -> None:
    assert is_kept(contract, graph)


@pytest.mark.parametrize(("contract", "importer", "imported"), FORBIDDEN)
def test_a_forbidden_import_breaks_its_contract(
    graph: grimp.ImportGraph, contract: str, importer: str, imported: str
) -> None:
    assert {importer, imported} <= graph.modules
    changed = deepcopy(graph)
    changed.add_import(importer=importer, imported=imported)
    assert not is_kept(contract, changed)
