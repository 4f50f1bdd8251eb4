"""The files of the page for people."""

from http import HTTPStatus

import falcon

from service.pages.page_files import PageFiles
from service.problems.problems import Problem


class PageFileResource:
    """GET /page/{version}/{name}.

    Args:
        files: all files of the page.
    """

    def __init__(self, files: PageFiles) -> None:
        self._files = files

    def on_get(self, req: falcon.Request, resp: falcon.Response, version: str, name: str) -> None:
        """Send a file of the page."""
        file = self._files.find(version, name)
        if file is None:
            raise Problem(
                HTTPStatus.NOT_FOUND,
                "not-found",
                "The page has no such file; load the page at / anew.",
            )
        file.send(req, resp)

    on_head = on_get
