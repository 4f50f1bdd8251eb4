"""The front door: what there is."""

import falcon

from service.models import Index, render


class IndexResource:
    """GET /.

    Args:
        sandbox: whether images go to the sandbox instead of Imgur.
    """

    def __init__(self, *, sandbox: bool) -> None:
        index: Index = {
            "service": "imgup",
            "imgur": "sandbox" if sandbox else "imgur",
            "routes": {
                "POST /v1/images/upload": "send a job: a JSON object with the array 'urls'",
                "GET /v1/images/upload/{jobId}": "how a job stands",
                "GET /v1/images/upload/{jobId}/events": "what becomes of it, as it happens",
                "GET /v1/images/upload/{jobId}/forecast": "when it may be complete",
                "DELETE /v1/images/upload/{jobId}": "cancel a job",
                "POST /v1/images/upload/{jobId}/retry": "send once more what failed of a job",
                "GET /v1/jobs": "the jobs, newest first",
                "DELETE /v1/images/upload/{jobId}/images/{index}": "delete an uploaded image",
                "GET /v1/images": "the links of all images uploaded",
                "GET /v1/limits": "what Imgur still takes",
                "GET /docs": "all of this for people, as a page",
                "GET /openapi.json": "all of this for programs, as OpenAPI 3.1",
                "GET /problems/{code}": "what a problem's code means",
                "GET /metrics": "figures for Prometheus",
                "GET /healthz": "whether the process is alive",
                "GET /readyz": "whether jobs are taken and worked on",
            },
        }
        self._body = render(index)

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Name the routes."""
        resp.data = self._body

    on_head = on_get
