"""Calls to the state actor that end in time, with the methods of what it owns."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, cast

import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayActorError, RayTaskError

from workers.board import BoardLostError
from workers.cluster.state import BoardFacts
from workers.deadline_proxy import CALL_SECONDS
from workers.remote_calls import JobTableCalls, MailboxCalls, RecoveryCalls, TokenStoreCalls

STATE_THREADS = {"brief": 4, "waiting": 512, "tokens": 32, "watch": 1}
"""The state actor's threads, by what they are for: calls that never wait; workers that wait for
work, one call each; lanes that wait for another's token; and the call that never ends."""

Actor = Any
"""A handle of Ray's; its methods are made at run time."""


_MOST_SILENCES = 3
"""Calls in a row without an answer until the state counts as lost. More than one: on a starved
machine or a bad line it may only be late, and what is taken for lost is lost."""


class StateLostError(BoardLostError):
    """The state actor is gone, or does not answer."""


class StateSilentError(StateLostError):
    """It has not answered this call, and may be there all the same."""


class Silences:
    """Calls in a row that the state has not answered.

    Attributes:
        count: so far.
    """

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def borne(self) -> Iterator[None]:
        """Go on behind a block that calls the state, whether or not it answers.

        Raises:
            StateSilentError: it has not, too often in a row.
        """
        try:
            yield
        except StateSilentError:
            self.count += 1
            if self.count == _MOST_SILENCES:
                raise
        else:
            self.count = 0


def answer_of(ref: Any, seconds: float, who: str = "state actor") -> Any:  # noqa: ANN401 - any message
    """Wait for the answer to a call.

    Args:
        ref: what the call returned.
        seconds: how long.
        who: was called.

    Raises:
        StateLostError: the actor is gone.
        StateSilentError: it has not answered in that time, or cannot be reached.
        Exception: what the method raised.
    """
    try:
        return ray.get(ref, timeout=seconds)
    except (GetTimeoutError, ActorUnavailableError) as error:
        raise StateSilentError(f"The {who} does not answer.") from error
    except RayActorError as error:
        raise StateLostError(f"The {who} is gone.") from error
    except RayTaskError as error:
        raise error.cause from error


def facts_of(state: Actor, seconds: float = CALL_SECONDS) -> BoardFacts:
    """What an opened state actor tells every other actor to go by."""
    return cast("BoardFacts", answer_of(state.facts.remote(), seconds))


class _Target:
    """An object in the state actor.

    Args:
        state: the actor.
    """

    _name: ClassVar[str]

    def __init__(self, state: Actor) -> None:
        self._brief = state.call.options(concurrency_group="brief")
        self._waiting = state.call.options(concurrency_group="waiting")

    def _callmethod(
        self,
        methodname: str,
        args: tuple[Any, ...] = (),
        kwds: dict[str, Any] | None = None,
        *,
        wait_seconds: float = 0.0,
    ) -> Any:  # noqa: ANN401 - what the method returns
        # Pickled here: Ray's own pickler, made for code, takes half as long again for a message.
        request = pickle.dumps((self._name, methodname, args, kwds or {}), pickle.HIGHEST_PROTOCOL)
        call = self._waiting if wait_seconds else self._brief
        return pickle.loads(answer_of(call.remote(request), CALL_SECONDS + wait_seconds))  # noqa: S301 - from our own actor


class RayMailbox(_Target, MailboxCalls):
    """See `Mailbox`."""

    _name = "mailbox"


class RayJobTable(_Target, JobTableCalls):
    """See `JobTable`."""

    _name = "job_table"


class RayTokenStore(_Target, TokenStoreCalls):
    """See `TokenStore`."""

    _name = "token_store"

    def __init__(self, state: Actor) -> None:
        super().__init__(state)
        # Apart: every lane of the cluster may wait for one refresh.
        self._waiting = state.call.options(concurrency_group="tokens")


class RayRecovery(_Target, RecoveryCalls):
    """See `Recovery`."""

    _name = "recovery"
