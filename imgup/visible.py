"""Text from elsewhere, made fit for a terminal."""


def visible(text: str) -> str:
    """The text with each character that is not printed shown as an escape.

    Control characters would act on the terminal, and marks of direction would show another text
    than there is.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
