"""The links of all images uploaded."""

import falcon

from service.api_keys import owner_of
from service.models import image_links, render
from workers import Board

_LINKS_PER_CALL = 10_000
"""Small enough that no other caller of the board waits for long; links are only ever appended, so
the pages fit together."""


class ImagesResource:
    """GET /v1/images.

    Args:
        board: where links are.
        sandbox: whether they are the sandbox's.
    """

    def __init__(self, board: Board, *, sandbox: bool) -> None:
        self._board = board
        self._sandbox = sandbox

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List the links of whoever asks, in order of completion."""
        owner = owner_of(req)
        # Not streamed: an answer that has begun could not turn into a problem any more.
        links: list[str] = []
        while page := self._board.links(len(links), _LINKS_PER_CALL, owner):
            links.extend(page)
        resp.data = render(image_links(links, sandbox=self._sandbox))

    on_head = on_get
