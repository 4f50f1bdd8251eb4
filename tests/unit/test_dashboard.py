"""What the dashboard and the documents ask Prometheus for, the service has."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from service.backend.metrics import create_registry
from service.middleware.http_metrics import HttpMetricsMiddleware
from service.settings.environment import load_settings
from workers import LimitState, Quota, QuotaState, WindowState
from workers.contract.errors import Reason
from workers.contract.messages.submission import RefusalCode
from workers.contract.messages.supervision import MailboxStats
from workers.state.metrics import Metrics

DOCS = Path(__file__).parents[2] / "docs"
DASHBOARD = json.loads((DOCS / "grafana-dashboard.json").read_text())
NAME = re.compile(r"\b(?:imgup|process)_[a-z_]+")


class Backend:
    """Answers with a reading in which everything is known."""

    @property
    def mailbox(self) -> "Backend":
        return self

    def metrics(self) -> tuple[Metric, ...]:
        stats = MailboxStats()
        imgur = Quota(client=LimitState(12500, 12000, 60.0))
        window = WindowState("day", 1250, 1200, None)
        return Metrics().collect(stats, QuotaState(imgur, budget=(window,)))

    def workers_wanted(self) -> int:
        return 2


@pytest.fixture(scope="module")
def samples() -> dict[str, set[str]]:
    """Label names by sample name, of all there is."""
    registry = create_registry(Backend(), load_settings({}))  # type: ignore[arg-type]
    metrics = HttpMetricsMiddleware(registry)
    requests, seconds = metrics._series("/", "GET", 200)
    requests.inc()
    seconds.observe(0.1)
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def panels() -> Iterator[Any]:
    yield from DASHBOARD["panels"]


def expressions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


@pytest.mark.parametrize("expression", expressions())
def test_each_panel_asks_for_what_there_is(expression: str, samples: dict[str, set[str]]) -> None:
    names = NAME.findall(expression)
    assert names
    assert set(names) <= set(samples)
    labels = {
        label.strip()
        for group in re.findall(r"by \(([^)]*)\)", expression)
        for label in group.split(",")
    } | set(re.findall(r"(\w+)=", expression)) - {"instance"}
    for name in names:
        assert labels <= samples[name] | {"instance"}, name


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in panels()}) == len(DASHBOARD["panels"])


def test_it_works_with_any_data_source() -> None:
    (source,) = [
        variable for variable in DASHBOARD["templating"]["list"] if variable["type"] == "datasource"
    ]
    assert all(panel["datasource"]["uid"] == f"${{{source['name']}}}" for panel in panels())


def test_the_documents_list_every_metric(samples: dict[str, set[str]]) -> None:
    text = (DOCS / "observability.md").read_text()
    listed = set(re.findall(r"^\| `(imgup_[a-z_]+)`", text, re.MULTILINE))
    there = {
        re.sub(r"_(bucket|count|sum)$", "", name)
        for name in samples
        if name.startswith("imgup_") and not name.endswith("_created")
    }
    assert listed == there


def test_the_documents_ask_for_what_there_is(samples: dict[str, set[str]]) -> None:
    text = (DOCS / "observability.md").read_text()
    for block in re.findall(r"```[a-z]*\n(.*?)```", text, re.DOTALL):
        assert set(re.findall(r"\bimgup_[a-z_]+", block)) <= set(samples)


@pytest.mark.parametrize(("label", "codes"), [("reason", Reason), ("code", RefusalCode)])
def test_the_alerts_name_codes_that_there_are(label: str, codes: Any) -> None:
    text = (DOCS / "observability.md").read_text()
    asked = re.findall(rf'{label}=~"([^"]+)"', text)
    assert asked
    for pattern in "|".join(asked).split("|"):
        assert any(re.fullmatch(pattern, code) for code in codes), pattern


def test_a_spent_budget_is_no_alert() -> None:
    text = (DOCS / "observability.md").read_text()
    (stuck,) = re.findall(r"alert: ImgupStuck\n(.*?)for:", text, re.DOTALL)
    for wait in ("imgup_pause_seconds", "imgup_blocked", "imgup_budget_remaining"):
        assert wait in stuck
