"""The links of all uploaded images."""

import falcon

from service.http.large_responses import LargeResponses
from service.middleware.api_keys import owner_of, tenant_of
from service.rendering.rendered import identify, is_known
from service.requests.paging import read_page
from service.views.link_views import LinkViews


class ImagesResource:
    """GET /v1/images.

    Args:
        views: renders links.
        answers: sends large responses.
    """

    def __init__(self, views: LinkViews, answers: LargeResponses) -> None:
        self._views = views
        self._answers = answers

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List the owner's links, in order of completion."""
        page, owner = read_page(req), owner_of(req)
        shown = self._views.show(owner) if page is None else self._views.show_page(owner, page)
        if is_known(req, resp, shown.tag):
            return
        identify(resp, shown.tag)
        self._answers.send(req, resp, shown.pieces, tenant_of(req))

    on_head = on_get
