"""The control: the same routes on a stock Manager's Queue and dict, as one first thinks of it.

Its workers are replaced when they die, so that it recovers as well as its shape allows. Run as
``python -m tests.chaos.naive SANDBOX_ORIGIN WORKERS``; it prints one line of JSON when it is up.
"""

import json
import multiprocessing
import sys
import threading
import time
import uuid
from datetime import UTC, datetime

import falcon
import requests
from waitress.server import create_server

_LOOK_SECONDS = 0.02


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def work(queue, jobs, lock, sandbox):
    """Take a URL, do the work, rewrite the job."""
    http = requests.Session()
    http.trust_env = False
    while True:
        job_id, url = queue.get()
        image = http.get(url, timeout=30).content
        answer = http.post(
            sandbox + "/3/image",
            headers={"Authorization": "Client-ID naive"},
            files={"image": ("image.png", image)},
            timeout=30,
        )
        with lock:
            job = jobs[job_id]
            job["links"][url] = answer.json()["data"]["link"]
            if len(job["links"]) == len(job["urls"]):
                job["finished"] = now()
            jobs[job_id] = job


class Uploads:
    def __init__(self, queue, jobs):
        self._queue = queue
        self._jobs = jobs

    def on_post(self, req, resp):
        urls, job_id = list(dict.fromkeys(req.get_media()["urls"])), str(uuid.uuid4())
        self._jobs[job_id] = {"urls": urls, "links": {}, "created": now(), "finished": None}
        for url in urls:
            self._queue.put((job_id, url))
        resp.status, resp.media = 202, {"jobId": job_id}


class Upload:
    def __init__(self, jobs):
        self._jobs = jobs

    def on_get(self, req, resp, job_id):
        job = self._jobs[job_id]
        urls, links = job["urls"], job["links"]
        status = "complete" if job["finished"] else "in-progress" if links else "pending"
        resp.media = {
            "id": job_id,
            "created": job["created"],
            "finished": job["finished"],
            "status": status,
            "uploaded": {
                "pending": [url for url in urls if url not in links],
                "complete": [links[url] for url in urls if url in links],
                "failed": [],
            },
            "results": [
                {
                    "url": url,
                    "state": "complete" if url in links else "pending",
                    "link": links.get(url),
                    "reason": None,
                }
                for url in urls
            ],
        }


class Images:
    def __init__(self, jobs):
        self._jobs = jobs

    def on_get(self, req, resp):
        # In order of completion only within a job; the checker is shown what a set would be.
        resp.media = {
            "uploaded": [link for job in self._jobs.values() for link in job["links"].values()]
        }


def main():
    sandbox, count = sys.argv[1], int(sys.argv[2])
    spawn = multiprocessing.get_context("spawn")
    manager = spawn.Manager()
    queue, jobs, lock = manager.Queue(), manager.dict(), manager.Lock()

    def start():
        worker = spawn.Process(target=work, args=(queue, jobs, lock, sandbox), daemon=True)
        worker.start()
        return worker

    app = falcon.App()
    app.add_route("/v1/images", Images(jobs))
    app.add_route("/v1/images/upload", Uploads(queue, jobs))
    app.add_route("/v1/images/upload/{job_id}", Upload(jobs))
    server = create_server(app, host="127.0.0.1", port=0, threads=8)
    workers = [start() for _ in range(count)]
    threading.Thread(target=server.run, daemon=True).start()
    up = {"url": f"http://127.0.0.1:{server.effective_port}", "manager": manager._process.pid}
    sys.stdout.write(json.dumps(up) + "\n")
    sys.stdout.flush()
    while True:
        workers = [worker if worker.is_alive() else start() for worker in workers]
        time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main()
