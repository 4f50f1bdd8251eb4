"""Derives proxies from protocols: one function carries all calls of an object.

A call is declared once, in a protocol, and implemented by one object. The proxies between processes
and the circuit breaker are derived from the protocol, so a new call needs no change there.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar, cast

_WAIT = "wait_seconds"
_MAY_TAKE = "may_take_seconds"

_Calls = TypeVar("_Calls")
_Method = TypeVar("_Method", bound=Callable[..., Any])


class Carry(Protocol):
    """Carries the calls of a derived object."""

    def __call__(
        self, methodname: str, args: tuple[Any, ...], kwds: dict[str, Any], *, wait_seconds: float
    ) -> Any:  # noqa: ANN401 - what the method returns
        """Call a method of the object. `wait_seconds` is how long the method itself may wait: its
        argument of that name, or the value of `may_take`, or 0.
        """


def may_take(seconds: float) -> Callable[[_Method], _Method]:
    """Declare in a protocol how many seconds longer than others a call may take."""

    def declare(method: _Method) -> _Method:
        setattr(method, _MAY_TAKE, seconds)
        return method

    return declare


def calls_of(protocol: type) -> tuple[str, ...]:
    """Return the names of a protocol's methods."""
    return tuple(name for name in dir(protocol) if not name.startswith("_"))


def derive(protocol: type[_Calls], carry: Carry) -> _Calls:
    """Make an object with a protocol's methods, each carried by `carry`; picklable if that is."""
    return cast("_Calls", _Derived(protocol, carry))


class _Derived:
    def __init__(self, protocol: type, carry: Carry) -> None:
        self._made_of = (protocol, carry)
        for name in calls_of(protocol):
            method = getattr(protocol, name)
            names = list(inspect.signature(method).parameters)[1:]
            place = names.index(_WAIT) if _WAIT in names else len(names)
            setattr(self, name, partial(_call, carry, name, place, getattr(method, _MAY_TAKE, 0.0)))

    def __reduce__(self) -> tuple[Any, ...]:
        return derive, self._made_of


def _call(
    carry: Carry,
    name: str,
    place: int,
    may_take_seconds: float,
    /,
    *args: Any,  # noqa: ANN401 - as the method takes them
    **kwds: Any,  # noqa: ANN401 - the same
) -> Any:  # noqa: ANN401 - what the method returns
    wait = args[place] if place < len(args) else kwds.get(_WAIT, may_take_seconds)
    return carry(name, args, kwds, wait_seconds=wait)
