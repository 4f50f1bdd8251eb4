"""Calls to the state actor that end in time, with the methods of what it owns."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayActorError, RayTaskError

from workers.contract.backend import BackendLostError
from workers.contract.derived import derive
from workers.contract.state_calls import JobTableCalls, MailboxCalls, RecoveryCalls, StateObjects
from workers.contract.tokens import Tokens
from workers.runtime.deadline_proxy import CALL_SECONDS
from workers.runtime.ray.state_actor import BackendFacts

STATE_THREADS = {"brief": 4, "waiting": 512, "tokens": 32, "watch": 1}
"""The state actor's threads, by what they are for: calls that never wait; workers that wait for
work, one call each; lanes that wait for another's token; and the call that never ends."""

Actor = Any
"""A handle of Ray's; its methods are made at run time."""


_MAX_SILENCES = 3
"""Calls in a row without an answer until the state counts as lost. More than one: on a starved
machine or a bad line it may only be late, and what is taken for lost is lost."""


class StateLostError(BackendLostError):
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
            if self.count == _MAX_SILENCES:
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


def facts_of(state: Actor, seconds: float = CALL_SECONDS) -> BackendFacts:
    """What an opened state actor tells every other actor to go by."""
    return cast("BackendFacts", answer_of(state.facts.remote(), seconds))


def objects_of(state: Actor) -> StateObjects:
    """Proxies of what an opened state actor owns."""
    return StateObjects(
        mailbox=derive(MailboxCalls, _Carrier(state, "mailbox")),
        job_table=derive(JobTableCalls, _Carrier(state, "job_table")),
        # Apart: every lane of the cluster may wait for one refresh.
        token_store=derive(Tokens, _Carrier(state, "token_store", waiting="tokens")),
        recovery=derive(RecoveryCalls, _Carrier(state, "recovery")),
    )


class _Carrier:
    def __init__(self, state: Actor, target: str, *, waiting: str = "waiting") -> None:
        self._target = target
        self._brief = state.call.options(concurrency_group="brief")
        self._waiting = state.call.options(concurrency_group=waiting)

    def __call__(
        self,
        methodname: str,
        args: tuple[Any, ...],
        kwds: dict[str, Any],
        *,
        wait_seconds: float,
    ) -> Any:  # noqa: ANN401 - what the method returns
        # Pickled here: Ray's own pickler, made for code, takes half as long again for a message.
        request = pickle.dumps((self._target, methodname, args, kwds), pickle.HIGHEST_PROTOCOL)
        call = self._waiting if wait_seconds else self._brief
        return pickle.loads(answer_of(call.remote(request), CALL_SECONDS + wait_seconds))  # noqa: S301 - from our own actor
