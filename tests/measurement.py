"""Which processes that tests start are measured for coverage."""

import os

_SET_ASIDE = "SET_ASIDE_"


def set_aside_coverage() -> None:
    """Start no measurement in the processes that this one starts; it travels by environment."""
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
        os.environ[_SET_ASIDE + name] = os.environ.pop(name)


def coverage_set_aside() -> dict[str, str]:
    """What it takes in the environment of a process to measure it."""
    return {
        name.removeprefix(_SET_ASIDE): value
        for name, value in os.environ.items()
        if name.startswith(_SET_ASIDE)
    }
