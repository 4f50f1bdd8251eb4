"""Calls of the state actor with deadlines."""

import pickle
from functools import partial
from typing import Any, cast

import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayActorError, RayTaskError

from workers.contract.state_calls import StateObjects
from workers.runtime.deadline_proxy import CALL_SECONDS
from workers.runtime.ray.silences import StateLostError, StateSilentError
from workers.runtime.ray.state_actor import BackendFacts

STATE_THREADS = {"brief": 4, "waiting": 512, "tokens": 32, "watch": 1}
"""The state actor's threads by concurrency group: calls that never wait; workers that wait for
work, one call each; lanes that wait for a token; and the call that never ends."""

Actor = Any
"""A handle of Ray; its methods are made at run time."""


def answer_of(ref: Any, seconds: float, who: str = "state actor") -> Any:  # noqa: ANN401 - any message
    """Wait for the result of a call for a number of seconds at most; `who` is for errors.

    Raises:
        StateLostError: the actor is gone.
        StateSilentError: no response in that time, or the actor cannot be reached.
        Exception: raised by the method.
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
    """Return the facts that an opened state actor gives to all other actors."""
    return cast("BackendFacts", answer_of(state.facts.remote(), seconds))


def objects_of(state: Actor) -> StateObjects:
    """Return proxies of an opened state actor's objects."""
    return StateObjects.derived(partial(_Carrier, state))


class _Carrier:
    def __init__(self, state: Actor, target: str) -> None:
        self._target = target
        # Tokens have a group of their own: all lanes of the cluster may wait for one refresh.
        waiting = "tokens" if target == "token_store" else "waiting"
        self._brief = state.call.options(concurrency_group="brief")
        self._waiting = state.call.options(concurrency_group=waiting)

    def __call__(
        self, methodname: str, args: tuple[Any, ...], kwds: dict[str, Any], *, wait_seconds: float
    ) -> Any:  # noqa: ANN401 - what the method returns
        # Pickled here: Ray's pickler, made for code, takes 1.5 times as long for a message.
        request = pickle.dumps((self._target, methodname, args, kwds), pickle.HIGHEST_PROTOCOL)
        call = self._waiting if wait_seconds else self._brief
        return pickle.loads(answer_of(call.remote(request), CALL_SECONDS + wait_seconds))  # noqa: S301 - from our own actor
