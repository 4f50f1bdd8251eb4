"""How much a parser is given at a time: waitress copies the rest for each small part of it."""

from waitress.adjustments import Adjustments

from service.http.request_parser import RequestParser

HEAD = b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_all_empty_lines_are_skipped_at_once() -> None:
    parser = RequestParser(Adjustments())
    lines = b"\r\n" * 10_000
    assert parser.received(lines + HEAD) == len(lines)
    assert not parser.completed
    assert parser.received(HEAD) == len(HEAD)
    assert parser.headers_finished


def test_of_small_chunks_only_a_part_is_taken_at_once() -> None:
    parser = RequestParser(Adjustments())
    rest = HEAD + b"1\r\na\r\n" * 10_000 + b"0\r\n\r\n"
    taken = []
    while not parser.completed:
        taken.append(parser.received(rest))
        rest = rest[taken[-1] :]
    assert max(taken) <= 4096
    assert parser.get_body_stream().read() == b"a" * 10_000
