"""The files of the page for people."""

from dataclasses import dataclass

import falcon

from service.pages.page_files import PageFiles
from service.problems.problems import Problem


@dataclass(frozen=True, slots=True)
class PageFileResource:
    """GET /page/{version}/{name}."""

    files: PageFiles

    def on_get(self, req: falcon.Request, resp: falcon.Response, version: str, name: str) -> None:
        """Send a file of the page."""
        file = self.files.find(version, name)
        if file is None:
            raise Problem("not-found", "The page has no such file; load the page at / anew.")
        file.send(req, resp)
