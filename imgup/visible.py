"""Makes text of others safe for a terminal."""


def visible(text: str) -> str:
    """Return a text with its unprintable characters as escapes.

    Control characters would act on the terminal, and direction marks would change what is read.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
