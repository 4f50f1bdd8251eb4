"""The soft limit of open files follows the hard one."""

import resource

import pytest

from service.http.connection_limits import raise_file_limit

INFINITE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "raised_to"),
    [
        pytest.param(1024, 4096, 4096, id="to the hard limit"),
        pytest.param(1024, 1_048_576, 65_536, id="no further than is of use"),
        pytest.param(1024, INFINITE, 65_536, id="no hard limit"),
        pytest.param(4096, 4096, None, id="nothing left to raise"),
        pytest.param(100_000, 1_048_576, None, id="never lowered"),
        pytest.param(INFINITE, INFINITE, None, id="no limit at all"),
    ],
)
def test_raises_the_limit(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, raised_to: int | None
) -> None:
    calls: list[tuple[int, tuple[int, int]]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: calls.append((which, limits)))

    raise_file_limit()

    expected = [] if raised_to is None else [(resource.RLIMIT_NOFILE, (raised_to, hard))]
    assert calls == expected
