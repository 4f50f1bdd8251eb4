"""What ``make bench ARGS=…`` takes."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cases.table import CASES

ROOT = Path(__file__).parents[1]
_ROUNDS = 5
_QUICK_SHARE = 0.1


@dataclass(frozen=True)
class Options:
    """One run.

    Attributes:
        cases: names of those to run.
        rounds: of each.
        share: of the full counts, from 0 to 1.
        output: the folder for benchmarks.md and benchmarks.png.
        product: the tree of the product.
        settings: of the product, besides its defaults.
    """

    cases: tuple[str, ...]
    rounds: int
    share: float
    output: Path
    product: Path
    settings: dict[str, str]


def parse(arguments: list[str]) -> Options:
    """Read the command line.

    Raises:
        SystemExit: it cannot be understood.
    """
    parser = argparse.ArgumentParser(prog="make bench", description="The product beside others.")
    parser.add_argument(
        "--cases", type=_cases, default=tuple(CASES), help=f"some of {','.join(CASES)}"
    )
    parser.add_argument("--rounds", type=int, help=f"{_ROUNDS}; 1 in the quick form")
    parser.add_argument("--quick", action="store_true", help="less of everything: < 3 minutes")
    parser.add_argument(
        "--output", type=Path, help="folder of the page; docs for a full run, build otherwise"
    )
    parser.add_argument("--product", type=Path, default=ROOT, help="another tree of the product")
    parser.add_argument(
        "--setting",
        action="append",
        type=_setting,
        default=[],
        metavar="NAME=VALUE",
        help="of the product, instead of its default; may be repeated",
    )
    found = parser.parse_args(arguments)
    full = not found.quick and found.rounds is None and len(found.cases) == len(CASES)
    full = full and found.product == ROOT and not found.setting
    return Options(
        cases=found.cases,
        rounds=found.rounds or (1 if found.quick else _ROUNDS),
        share=_QUICK_SHARE if found.quick else 1.0,
        output=found.output or ROOT / ("docs" if full else "build"),
        product=found.product.resolve(),
        settings=dict(found.setting),
    )


def _cases(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in CASES]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such case: {', '.join(unknown)}")
    return names


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"not NAME=VALUE: {text}")
    return name, value
