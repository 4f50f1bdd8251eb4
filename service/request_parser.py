"""Reads requests off a connection: waitress's own parser, with some habits added."""

from waitress.parser import HTTPRequestParser, ParsingError


class RequestParser(HTTPRequestParser):
    """Waitress's own, which does not expect every nonsense."""

    def parse_header(self, header_plus: bytes) -> None:
        """Parse a request's head.

        Raises:
            ParsingError: it is not valid HTTP.
        """
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # a number of thousands of digits, for one
            raise ParsingError("not valid HTTP") from error
