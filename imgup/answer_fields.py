"""Reads fields of an answer: what must be there, what may be, and never what is not known."""

from datetime import datetime
from typing import Any, TypeVar

from imgup.errors import NotImgupError

_T = TypeVar("_T")


class AnswerFields:
    """A JSON object of an answer.

    Args:
        value: what should be one.
        what: what it is, for the message when it is not.

    Raises:
        NotImgupError: it is no object.
    """

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, dict):
            raise NotImgupError(f"The answer is not one of imgup: {what} is no JSON object.")
        self.raw: dict[str, Any] = value
        self._what = what

    def text(self, name: str) -> str:
        """A text that must be there."""
        return self._must(name, str, self.raw.get(name))

    def number(self, name: str) -> int:
        """A whole number that must be there."""
        return self._must(name, int, self.raw.get(name))

    def array(self, name: str) -> list[Any]:
        """An array that must be there."""
        found: list[Any] = self._must(name, list, self.raw.get(name))
        return found

    def optional_text(self, name: str) -> str | None:
        """A text, or None where there is none."""
        return _if(str, self.raw.get(name))

    def optional_number(self, name: str) -> int | None:
        """A whole number, or None where there is none."""
        return _if(int, self.raw.get(name))

    def optional_seconds(self, name: str) -> float | None:
        """A number with or without a fraction, or None where there is none."""
        value = self.raw.get(name)
        return float(value) if isinstance(value, int | float) else None

    def flag(self, name: str) -> bool:
        """Whether it is there and true."""
        return self.raw.get(name) is True

    def objects(self, name: str) -> tuple["AnswerFields", ...]:
        """The objects of an array that must be there."""
        return tuple(AnswerFields(entry, f"an entry of {name}") for entry in self.array(name))

    def optional_object(self, name: str) -> "AnswerFields | None":
        """An object, or None where there is none."""
        value = self.raw.get(name)
        return AnswerFields(value, name) if isinstance(value, dict) else None

    def optional_time(self, name: str) -> datetime | None:
        """An ISO 8601 time stamp, or None where there is none.

        Raises:
            NotImgupError: it is there and cannot be read.
        """
        stamp = self.optional_text(name)
        if stamp is None:
            return None
        try:
            return datetime.fromisoformat(stamp)
        except ValueError:
            raise self._unlike(name) from None

    def time(self, name: str) -> datetime:
        """An ISO 8601 time stamp that must be there."""
        found = self.optional_time(name)
        if found is None:
            raise self._unlike(name)
        return found

    def _must(self, name: str, kind: type[_T], value: object) -> _T:
        if not isinstance(value, kind):
            raise self._unlike(name)
        return value

    def _unlike(self, name: str) -> NotImgupError:
        return NotImgupError(
            f"The answer is not one of imgup: {name} of {self._what} is missing or of another type."
        )


def _if(kind: type[_T], value: object) -> _T | None:
    return value if isinstance(value, kind) else None
