"""The links of all uploaded images."""

from dataclasses import dataclass

import falcon

from service.http.large_responses import LargeResponses
from service.middleware.api_keys import owner_of, tenant_of
from service.rendering.rendered import identify, is_known
from service.requests.paging import read_page
from service.views.link_views import LinkViews


@dataclass(frozen=True, slots=True)
class ImagesResource:
    """GET /v1/images."""

    views: LinkViews
    responses: LargeResponses

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List the owner's links, in order of completion."""
        page, owner = read_page(req), owner_of(req)
        shown = self.views.show(owner) if page is None else self.views.show_page(owner, page)
        if is_known(req, resp, shown.tag):
            return
        identify(resp, shown.tag)
        self.responses.send(req, resp, shown.pieces, tenant_of(req))
