"""Objects with the methods of a protocol, each call of which is carried elsewhere by one function.

A call is declared once, in a protocol, and answered by one object. The proxies between processes
and the gate of the web side are derived from the protocol, so a new call changes nothing in them.
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
    """Makes a call in the name of a derived object."""

    def __call__(
        self,
        methodname: str,
        args: tuple[Any, ...],
        kwds: dict[str, Any],
        *,
        wait_seconds: float,
    ) -> Any:  # noqa: ANN401 - what the method returns
        """Call a method.

        Args:
            methodname: of the object that answers.
            args: as the method takes them.
            kwds: the same.
            wait_seconds: how long the method itself may wait: its argument of that name, or what
                `may_take` declares, or 0.
        """
        ...


def may_take(seconds: float) -> Callable[[_Method], _Method]:
    """Declare in a protocol that a call may take longer than others, by so many seconds."""

    def declare(method: _Method) -> _Method:
        setattr(method, _MAY_TAKE, seconds)
        return method

    return declare


def calls_of(protocol: type) -> tuple[str, ...]:
    """The names of a protocol's methods."""
    return tuple(name for name in dir(protocol) if not name.startswith("_"))


def derive(protocol: type[_Calls], carry: Carry) -> _Calls:
    """Make an object with a protocol's methods; it can be pickled if `carry` can.

    Args:
        protocol: methods only.
        carry: makes each call.
    """
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
