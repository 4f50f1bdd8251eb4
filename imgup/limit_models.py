"""Imgur's limits, as the service last heard of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imgup.answer_fields import AnswerFields


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much of one limit is left.

    Attributes:
        limit: how much there is in all.
        remaining: how much is left.
        reset: when it is whole again, as the service says it.

    Each is None while nobody knows.
    """

    limit: int | None = None
    remaining: int | None = None
    reset: str | None = None

    @classmethod
    def read(cls, fields: AnswerFields | None) -> "Allowance":
        """From one of an answer's limits; nothing known where there is none."""
        if fields is None:
            return cls()
        reset = fields.raw.get("reset")
        return cls(
            limit=fields.optional_number("limit"),
            remaining=fields.optional_number("remaining"),
            reset=None if reset is None else str(reset),
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """Imgur's limits.

    Attributes:
        client: credits of the application.
        user: credits of the address or account that uploads.
        posts: uploads in an hour.
        paused: whether uploads pause, as Imgur asked.
        pause_seconds: how long from now on; 0 if they do not.
        sandbox: whether they are the sandbox's.
        raw: the answer as it came.
    """

    client: Allowance
    user: Allowance
    posts: Allowance
    paused: bool
    pause_seconds: float
    sandbox: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, body: object) -> "Limits":
        """From the answer of the limits route.

        Raises:
            NotImgupError: it is not such an answer.
        """
        fields = AnswerFields(body, "the limits")
        credit = AnswerFields(fields.raw.get("credits"), "credits")
        pause = fields.optional_seconds("pauseSeconds") or 0.0
        return cls(
            client=Allowance.read(credit.optional_object("client")),
            user=Allowance.read(credit.optional_object("user")),
            posts=Allowance.read(fields.optional_object("posts")),
            paused=fields.flag("paused") or pause > 0,
            pause_seconds=pause,
            sandbox=fields.flag("sandbox"),
            raw=fields.raw,
        )
