"""Figures by name and labels, for tests to look at."""

from collections.abc import Iterable

from prometheus_client import Metric


def values_of(metrics: Iterable[Metric]) -> dict[tuple[str, ...], float]:
    """Values by a sample's name and the values of its labels."""
    samples = (sample for metric in metrics for sample in metric.samples)
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}
