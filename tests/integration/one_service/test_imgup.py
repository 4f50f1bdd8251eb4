"""The command line and the client before the real service."""

import base64
import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from imgup import Client, NotFoundError, UnauthorizedError

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "imgup")


@pytest.fixture
def imgup(service):
    """Run a command as a user does."""

    def run(*args: str, stdin: str = "", url: str = "", **environ: str):
        kept = {name: value for name, value in os.environ.items() if "IMGUP" not in name}
        return subprocess.run(
            [*COMMAND, *args],
            cwd=ROOT,
            env=kept | {"IMGUP_URL": url or service.url} | environ,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def _numbered(service, *numbers: int) -> list[str]:
    return [f"{service.sandbox}/images/numbered/imgup-{number}.png" for number in numbers]


def test_a_file_becomes_links_in_its_order(service, imgup, tmp_path):
    urls = _numbered(service, 3, 1, 2)
    (tmp_path / "list.txt").write_text("# images\n\n" + "\n".join(urls) + "\n")
    ran = imgup("upload", "-f", str(tmp_path / "list.txt"))
    assert ran.returncode == 0, ran.stderr
    links = ran.stdout.splitlines()
    sources = [service.http.get(url, timeout=30).content for url in urls]
    assert [service.http.get(link, timeout=30).content for link in links] == sources
    job_id = ran.stderr.splitlines()[0].removeprefix("job ")
    assert service.status(job_id)["status"] == "complete"
    assert ran.stderr.splitlines()[1:] == ["3 uploaded", "sandbox: nothing was sent to Imgur"]


def test_a_list_may_hold_the_images_themselves(service, imgup, tmp_path):
    content = (ROOT / "sandbox/samples/photo.jpg").read_bytes()
    packed = base64.b64encode(content).decode()
    (tmp_path / "list.txt").write_text(f"# a photo\ndata:image/jpeg;base64,{packed}\n")
    ran = imgup("upload", "-f", str(tmp_path / "list.txt"), "--format", "csv")
    assert ran.returncode == 0, ran.stderr
    (row,) = csv.DictReader(io.StringIO(ran.stdout))
    assert row["url"].startswith("data:image/jpeg;base64,/9j/")
    assert f"({len(content):,} bytes, SHA-256 " in row["url"]
    assert len(row["url"]) < 100
    assert service.http.get(row["link"], timeout=30).content == content


def test_a_pipe_is_read_and_the_whole_job_printed_as_json(service, imgup):
    good, bad = service.sandbox + "/images/small.png", service.sandbox + "/faults/status/404"
    ran = imgup("upload", "-", "--json", stdin=f"{good}\nnot a url\n{bad}\n")
    assert ran.returncode == 1
    document = json.loads(ran.stdout)
    assert [result["state"] for result in document["results"]] == ["complete", "failed"]
    assert document == service.status(document["id"]) | {"setAside": document["setAside"]}
    assert [aside["place"] for aside in document["setAside"]] == ["stdin:2"]
    assert f"failed: {bad}: " in ran.stderr
    assert "(source-not-found)" in ran.stderr


def test_a_table_of_all_results(service, imgup):
    urls = [service.sandbox + "/images/small.png", service.sandbox + "/faults/html"]
    ran = imgup("upload", *urls, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(ran.stdout)))
    assert [row["url"] for row in rows] == urls
    assert [row["reason"] for row in rows] == ["", "not-an-image"]
    assert [row["converted"] for row in rows] == ["", ""]


def test_a_job_is_followed_by_its_id(service, imgup):
    slow = service.sandbox + "/faults/latency/500/images/small.png"
    sent = imgup("upload", "--no-wait", slow)
    job_id = sent.stdout.strip()
    assert sent.returncode == 0
    followed = imgup("status", job_id, "--follow")
    assert followed.returncode == 0
    assert followed.stdout.splitlines()[1] == "status      complete"
    link = service.status(job_id)["uploaded"]["complete"][0]
    assert followed.stdout.splitlines()[-1] == f"complete  {slow}  {link}"
    assert link in imgup("links").stdout.splitlines()


def test_entries_that_only_the_service_can_refuse_are_named_by_line(service, imgup):
    good = service.sandbox + "/images/small.png"
    before = imgup("links").stdout
    ran = imgup("upload", "-", stdin=f"{good}\n\nhttp://a..b/\n")
    assert ran.returncode == 3
    assert "refused: stdin:3: http://a..b/: " in ran.stderr
    assert "400 invalid-urls" in ran.stderr
    assert imgup("links").stdout == before


def test_an_unknown_job_ends_with_3(imgup):
    ran = imgup("status", "8315767e-588e-429f-83ad-d76da31ac786")
    assert ran.returncode == 3
    assert "404 job-not-found" in ran.stderr


def test_a_server_that_is_not_the_service_ends_with_4(service, imgup):
    ran = imgup("links", url=service.sandbox)
    assert ran.returncode == 4
    assert "another server" in ran.stderr


def test_a_service_that_is_down_ends_with_4(imgup):
    ran = imgup("upload", "http://example.com/a.png", url="http://127.0.0.1:1")
    assert (ran.returncode, ran.stdout) == (4, "")
    assert ran.stderr == "imgup: Cannot connect to http://127.0.0.1:1.\n"


def test_a_key_is_needed_where_there_are_keys(launch, imgup, tmp_path):
    guarded = launch(API_KEYS="me:secret,you:other").wait_until_ready()
    (tmp_path / "key").write_text("secret\n")
    image = guarded.sandbox + "/images/small.png"
    without = imgup("upload", image, url=guarded.url)
    wrong = imgup("upload", image, url=guarded.url, IMGUP_API_KEY="guessed")
    right = imgup("upload", image, url=guarded.url, IMGUP_API_KEY_FILE=str(tmp_path / "key"))
    assert [ran.returncode for ran in (without, wrong, right)] == [5, 5, 0]
    assert "401 unauthorized" in without.stderr
    assert "guessed" not in wrong.stderr
    links = imgup("links", url=guarded.url, IMGUP_API_KEY="secret")
    assert links.stdout == right.stdout
    assert imgup("links", url=guarded.url, IMGUP_API_KEY="other").stdout == ""
    with Client(guarded.url) as client, pytest.raises(UnauthorizedError):
        client.job("8315767e-588e-429f-83ad-d76da31ac786").status()


def test_the_client_follows_a_job_page_by_page(service):
    urls = _numbered(service, *range(25))
    with Client(service.url) as client:
        assert client.ready().sandbox
        job = client.submit([*urls, urls[0]])
        *_, last = job.wait()
        assert (last.is_complete, last.counts.complete, last.counts.total) == (True, 25, 25)
        results = list(job.results(page_size=10))
        assert [(result.index, result.url) for result in results] == list(enumerate(urls))
        links = {result.link for result in results}
        assert links <= set(client.links(page_size=7))
        with pytest.raises(NotFoundError):
            client.status("no-such-job")
