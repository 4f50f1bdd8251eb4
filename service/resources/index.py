"""The root: the page for people, the list of routes for programs."""

import falcon

from service.rendering.documents import Document
from service.rendering.models import Index
from service.rendering.rendered import render


class IndexResource:
    """GET /: the page for browsers, JSON for other clients.

    Args:
        page: the page.
        sandbox: whether images go to the sandbox instead of Imgur.
        sandbox_url: URL of the sandbox on this machine, if there is one.
        max_urls: maximum number of URLs of a job.
    """

    def __init__(
        self, page: Document, *, sandbox: bool, sandbox_url: str | None, max_urls: int
    ) -> None:
        self._page = page
        index = Index(
            service="imgup",
            imgur="sandbox" if sandbox else "imgur",
            maxUrlsPerJob=max_urls,
            routes={
                "POST /v1/images/upload": "send a job: a JSON object with the array 'urls'",
                "GET /v1/images/upload/{jobId}": "how a job stands",
                "GET /v1/images/upload/{jobId}/events": "what becomes of it, as it happens",
                "GET /v1/images/upload/{jobId}/forecast": "when it may be complete",
                "DELETE /v1/images/upload/{jobId}": "cancel a job",
                "POST /v1/images/upload/{jobId}/retry": "send once more what failed of a job",
                "GET /v1/jobs": "the jobs, newest first",
                "DELETE /v1/images/upload/{jobId}/images/{index}": "delete an uploaded image",
                "DELETE /v1/images/upload/{jobId}/album": "delete the album created for a job",
                "GET /v1/images": "the links of all images uploaded",
                "GET /v1/limits": "what Imgur still takes",
                "POST /v1/limits/open": "have uploads go on at once, with the admin key",
                "GET /v1/workers": "how many workers there are",
                "PUT /v1/workers": "have another number of them, with the admin key",
                "GET /docs": "all of this for people, as a page",
                "GET /openapi.json": "all of this for programs, as OpenAPI 3.1",
                "GET /problems/{code}": "what a problem's code means",
                "GET /metrics": "figures for Prometheus",
                "GET /healthz": "whether the process is alive",
                "GET /readyz": "whether jobs are taken and worked on",
            },
        )
        if sandbox_url is not None:
            index["sandboxUrl"] = sandbox_url
        self._body = render(index)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Send the page, or list the routes."""
        resp.append_header("Vary", "Accept")
        if req.client_prefers((falcon.MEDIA_JSON, falcon.MEDIA_HTML)) == falcon.MEDIA_HTML:
            self._page.send(req, resp)
        else:
            resp.data = self._body

    on_head = on_get
