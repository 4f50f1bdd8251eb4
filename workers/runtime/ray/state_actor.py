"""The state actor: owns the job table, the mailbox, the token and the journal.

The objects are those of the Manager process on one machine. The actor is named and detached: it
outlives the process that made it, and others find it.
"""

import pickle
import secrets
import threading
from dataclasses import dataclass, fields

from workers.contract.logs import configure_logging
from workers.runtime.backend_config import BackendConfig
from workers.runtime.many_threads import prepare_for_many_threads
from workers.runtime.ray.log_relay import divert_log
from workers.runtime.state_objects import make_objects
from workers.runtime.upkeep import Upkeep


@dataclass(frozen=True, slots=True)
class BackendFacts:
    """Facts for all actors of a backend."""

    config: BackendConfig  # holds secrets, so it is passed in calls only
    backend_id: str  # separates the actors of this state from those of an earlier one
    log_pipe: str | None  # path of the log relay's pipe; None leaves the log to Ray


@dataclass(frozen=True, slots=True)
class Opening:
    backend_id: str
    is_new: bool = False  # made by this call
    differing: tuple[str, ...] = ()  # names of settings that differ from those of the state


class BackendState:
    """The actor's class. Its methods are called from several threads; see `STATE_THREADS`."""

    def __init__(self) -> None:
        prepare_for_many_threads()
        self._opening = threading.Lock()
        self._facts: BackendFacts | None = None
        self._supervisions = 0

    def open(self, config: BackendConfig, log_pipe: str | None) -> Opening:
        """Make the state, if it does not exist yet.

        Raises:
            JournalError: the journal cannot be used; the actor is useless then.
        """
        with self._opening:
            if self._facts is not None:
                differing = _differing(self._facts.config, config)
                return Opening(self._facts.backend_id, differing=differing)
            divert_log(log_pipe)
            configure_logging(config.worker.logs, "state")
            self._objects = objects = make_objects(config.limits)
            if config.journal_path is not None:
                objects.recovery.restore(config.journal_path, config.worker.logs)
            self._upkeep = Upkeep(config)
            self._facts = BackendFacts(config, secrets.token_hex(4), log_pipe)
            return Opening(self._facts.backend_id, is_new=True)

    def facts(self) -> BackendFacts:
        """Return the facts for all actors.

        Raises:
            RuntimeError: the state is not open yet.
        """
        if self._facts is None:
            raise RuntimeError("The state is not opened.")
        return self._facts

    def call(self, request: bytes) -> bytes:
        """Call a method of an object, with pickled request and result; see `calls.py`."""
        target, method, args, kwds = pickle.loads(request)  # noqa: S301 - from our own processes
        answer = getattr(getattr(self._objects, target), method)(*args, **kwds)
        return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)

    def watch(self) -> None:
        """Never return: the call fails when this actor ends, which signals its end."""
        threading.Event().wait()

    # --- the number of workers, kept here across restarts of the supervisor ---------------------

    def begin_supervision(self) -> int:
        """Count a start of the supervisor; return the number of earlier ones."""
        self._supervisions += 1
        return self._supervisions - 1

    def workers_wanted(self) -> int:
        return self._upkeep.scaler.wanted

    def scale(self, count: int) -> int:
        """Set the number of workers, see `Backend.scale`; return the target number.

        Raises:
            ValueError: the number is below 1, or above the maximum.
        """
        self._upkeep.order(count)
        return self._upkeep.scaler.wanted

    def look_after(self) -> int:
        """See `Upkeep.look_after`."""
        return self._upkeep.look_after(self._objects.mailbox, self._objects.job_table)


def _differing(there: BackendConfig, here: BackendConfig) -> tuple[str, ...]:
    """Return the names of differing settings; values may be secret."""
    pairs = (("", there, here), ("worker.", there.worker, here.worker))
    return tuple(
        f"{prefix}{one.name}"
        for prefix, old, new in pairs
        for one in fields(old)
        if one.name != "worker" and getattr(old, one.name) != getattr(new, one.name)
    )
