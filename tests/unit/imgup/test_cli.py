"""The commands: their output and exit codes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from imgup.cli import cli
from imgup.exit_codes import ExitCode
from tests.unit.imgup.stand_in import (
    EVENTS_PATH,
    JOB,
    JOB_PATH,
    Told,
    event,
    html,
    job,
    problem,
    result,
    stream,
    summary,
)

JOBS = "/v1/images/upload"
ONE, TWO = "https://example.com/0.png", "https://example.com/1.png"


@pytest.fixture
def uploads(stand_in):
    """Prepare a job that ends with these results."""

    def end_with(*results, **more):
        stand_in.tell("POST", JOBS, Told(202, {"jobId": JOB}))
        stand_in.tell("GET", JOB_PATH, Told(body=job(list(results), **more)))

    return end_with


# --- upload ---------------------------------------------------------------------------------


def test_links_alone_are_on_stdout(imgup, uploads):
    uploads(result(0), result(1))
    ran = imgup("upload", ONE, TWO)
    assert ran.exit_code == 0
    assert ran.stdout == "https://i.imgur.com/0.png\nhttps://i.imgur.com/1.png\n"
    assert ran.stderr == f"job {JOB}\n2 uploaded\n"


def test_links_keep_the_order_of_submission_over_pages(imgup, uploads, stand_in):
    uploads()
    end = event("snapshot", job([])) + event("end", {})
    stand_in.tell("GET", EVENTS_PATH, stream(end))
    pages = [Told(body=job([result(1), result(0)], next=2)), Told(body=job([result(2)]))]
    stand_in.tell("GET", JOB_PATH, *pages)
    assert imgup("upload", ONE).stdout.split() == [
        f"https://i.imgur.com/{number}.png" for number in (1, 0, 2)
    ]


def test_a_failed_image_is_named_and_ends_with_1(imgup, uploads):
    uploads(result(0), result(1, "failed"))
    ran = imgup("upload", ONE, TWO)
    assert ran.exit_code == 1
    assert ran.stdout == "https://i.imgur.com/0.png\n"
    assert f"failed: {TWO}: The source has no image. (source-not-found)\n" in ran.stderr
    assert ran.stderr.endswith("1 uploaded, 1 failed\n")


@pytest.mark.parametrize("how", ["-f list", "-f -", "-"])
def test_a_list_comes_from_a_file_or_stdin(imgup, uploads, stand_in, tmp_path, how):
    uploads(result(0))
    content = f"# cats\n\n{ONE}\r\nnonsense\nftp://a/b\n"
    (tmp_path / "list.txt").write_text(content)
    args = how.replace("list", str(tmp_path / "list.txt")).split()
    ran = imgup("upload", *args, stdin=content)
    assert ran.exit_code == 1
    assert ran.stdout == "https://i.imgur.com/0.png\n"
    name = str(tmp_path / "list.txt") if how == "-f list" else "stdin"
    for entry in ("4: nonsense", "5: ftp://a/b"):
        assert (
            f"set aside: {name}:{entry}: not an http or https URL, nor a data URL\n" in ran.stderr
        )
    assert ran.stderr.endswith("1 uploaded, 2 set aside\n")
    assert stand_in.asked[0].body == {"urls": [ONE]}


def test_arguments_come_before_files(imgup, uploads, stand_in, tmp_path):
    uploads(result(0))
    (tmp_path / "list.json").write_text(json.dumps({"urls": [TWO]}))
    imgup("upload", "-f", str(tmp_path / "list.json"), ONE)
    assert stand_in.asked[0].body == {"urls": [ONE, TWO]}


def test_json_is_one_document_with_what_was_set_aside(imgup, uploads):
    uploads(result(0), novel=1)
    ran = imgup("upload", ONE, "nonsense", "--json")
    assert ran.exit_code == 1
    why = "not an http or https URL, nor a data URL"
    aside = {"place": "argument 2", "value": "nonsense", "why": why}
    assert json.loads(ran.stdout) == {**job([result(0)], novel=1), "setAside": [aside]}


def test_without_waiting_the_id_is_printed(imgup, uploads, stand_in):
    uploads(result(0))
    ran = imgup("upload", ONE, "--no-wait")
    assert (ran.exit_code, ran.stdout, ran.stderr) == (0, JOB + "\n", "")
    ran = imgup("upload", ONE, "--no-wait", "--json")
    assert json.loads(ran.stdout) == {"jobId": JOB, "setAside": []}
    assert stand_in.requests("GET", JOB_PATH) == []


def test_a_format_may_be_chosen(imgup, uploads):
    uploads(result(0))
    ran = imgup("upload", ONE, "--format", "markdown")
    assert ran.stdout == "![](https://i.imgur.com/0.png)\n"


@pytest.mark.parametrize(
    ("args", "sent"),
    [
        ("--album a --title {n}", {"album": "a", "title": "{n}"}),
        ("--description d --priority low", {"description": "d", "priority": "low"}),
        ("--callback-url https://b/", {"callbackUrl": "https://b/"}),
        ("--resolve-pages --convert", {"resolvePages": True, "convert": True}),
        ("--no-resolve-pages --no-convert", {"resolvePages": False, "convert": False}),
    ],
)
def test_options_go_into_the_job(imgup, uploads, stand_in, args, sent):
    uploads(result(0))
    imgup("upload", ONE, *args.split())
    assert stand_in.asked[0].body == {"urls": [ONE], **sent}


def test_a_new_album_is_requested_and_shown(imgup, uploads, stand_in):
    album = {"id": "aBc", "link": "https://imgur.com/a/aBc", "state": "ordered"}
    uploads(result(0), status="complete", album=album)
    ran = imgup("upload", ONE, "--new-album", "A day")
    assert stand_in.asked[0].body == {"urls": [ONE], "album": {"title": "A day"}}
    assert "album https://imgur.com/a/aBc\n" in ran.stderr
    ran = imgup("status", JOB)
    assert "album       https://imgur.com/a/aBc (ordered)\n" in ran.stdout


def test_an_album_is_deleted(imgup, stand_in):
    stand_in.tell("DELETE", f"{JOB_PATH}/album", Told(202, {"jobId": JOB, "deleted": "pending"}))
    ran = imgup("delete", JOB, "--album")
    assert (ran.exit_code, ran.stderr) == (0, "the album will be deleted\n")


def test_refused_entries_are_named_by_their_place(imgup, stand_in):
    errors = [{"index": 1, "value": "http://-:/", "code": "url-invalid", "detail": "No port."}]
    stand_in.tell("POST", JOBS, problem(400, "invalid-urls", "Nothing taken.", errors=errors))
    ran = imgup("upload", "-", stdin=f"# cats\n{ONE}\n\nhttp://-:/\n")
    assert ran.exit_code == 3
    assert "refused: stdin:4: http://-:/: No port.\n" in ran.stderr
    assert ran.stderr.endswith("imgup: Nothing taken. (400 invalid-urls)\n")
    assert ran.stdout == ""


def test_an_interrupt_before_the_response_says_that_there_may_be_a_job(imgup, monkeypatch):
    def submit(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("imgup.client.Client.submit", submit)
    ran = imgup("upload", ONE)
    assert ran.exit_code == 130
    assert ran.stderr == "interrupted; the service may have taken the job. See: imgup list\n"


@pytest.mark.parametrize(
    ("args", "stdin", "said"),
    [
        (["upload"], "", "no URL"),
        (["upload", "nonsense"], "", "no URL"),
        (["upload", "-"], "# nothing\n", "no URL"),
        (["upload", "-"], b"\xff", "not UTF-8"),
        (["upload", "-"], "[1", "not JSON"),
        (["upload", "-f", "/no/such/file"], "", "/no/such/file"),
        (["upload", "-f", "/"], "", "directory"),
        (["upload", ONE, "--format", "png"], "", "--format"),
        (["upload", ONE, "--format", "csv", "--json"], "", "--format"),
        (["upload", ONE, "--api-key", "x"], "", "--api-key"),
        (["upload", ONE, "--url", "localhost:8000"], "", "must be like"),
        (["status", ""], "", "id of a job"),
        (["cancel", ".."], "", "id of a job"),
        (["status", f"https://imgup.example{JOB_PATH}"], "", "id of a job"),
        (["status", "\udcff"], "", "id of a job"),
        (["retry", f"{JOB}\r"], "", "id of a job"),
        (["delete", JOB, "first"], "", "first"),
        (["delete", JOB], "", "--album"),
        (["delete", JOB, "1", "--album"], "", "--album"),
        (["upload", ONE, "--album", "a", "--new-album", "b"], "", "--new-album"),
        (["list", "--status", "lost"], "", "lost"),
        (["nonsense"], "", "nonsense"),
    ],
)
def test_bad_usage_ends_with_2_and_sends_nothing(imgup, stand_in, args, stdin, said):
    ran = imgup(*args, stdin=stdin)
    assert ran.exit_code == 2
    assert said in ran.stderr
    assert stand_in.asked == []


# --- which service, which key ---------------------------------------------------------------


def test_the_key_comes_from_the_environment_or_a_file(imgup, stand_in, tmp_path):
    stand_in.tell("GET", "/v1/images", Told(body={"uploaded": []}))
    (tmp_path / "key").write_text("\ufefffrom-file\n", encoding="utf-8")
    imgup("links")
    imgup("links", IMGUP_API_KEY="from-environment")
    imgup("links", IMGUP_API_KEY_FILE=str(tmp_path / "key"))
    assert [asked.headers.get("Authorization") for asked in stand_in.asked] == [
        None,
        "Bearer from-environment",
        "Bearer from-file",
    ]


@pytest.mark.parametrize(
    "environ",
    [
        {"IMGUP_API_KEY": "secret", "IMGUP_API_KEY_FILE": "/secret"},
        {"IMGUP_API_KEY_FILE": "/no/such/file"},
        {"IMGUP_API_KEY_FILE": "/dev/null"},
        {"IMGUP_API_KEY": "secrét"},
    ],
)
def test_a_key_that_cannot_be_used_ends_with_2(imgup, stand_in, environ):
    ran = imgup("links", **environ)
    assert ran.exit_code == 2
    assert "key" in ran.stderr.lower()
    assert "secr" not in ran.stderr
    assert stand_in.asked == []


def test_the_option_goes_before_the_environment(imgup, stand_in):
    stand_in.tell("GET", "/v1/images", Told(body={"uploaded": []}))
    assert imgup("links", "--url", stand_in.url, IMGUP_URL="http://127.0.0.1:1").exit_code == 0


@pytest.mark.parametrize(
    ("told", "code", "said"),
    [
        (problem(401, "unauthorized", "This service needs a key."), 5, "needs a key"),
        (problem(429, "rate-limited", "Too often."), 3, "Too often. (429 rate-limited)"),
        (problem(404, "not-found", "No such path."), 3, "may be older"),
        (html(), 4, "another server"),
    ],
)
def test_each_kind_of_error_has_its_exit_code(imgup, stand_in, told, code, said):
    stand_in.tell("GET", "/v1/images", told)
    ran = imgup("links")
    assert ran.exit_code == code
    assert said in ran.stderr
    assert ran.stdout == ""


def test_no_service_ends_with_4(imgup):
    ran = imgup("links", IMGUP_URL="http://127.0.0.1:1")
    assert ran.exit_code == 4
    assert ran.stderr == "imgup: Cannot connect to http://127.0.0.1:1.\n"


def test_a_terminal_without_a_width_gets_the_notes(imgup):
    ran = imgup("links", IMGUP_URL="http://127.0.0.1:1", COLUMNS="0")
    assert ran.stderr == "imgup: Cannot connect to http://127.0.0.1:1.\n"


def test_a_service_that_asks_to_wait_is_waited_for(imgup, stand_in):
    later = problem(503, "queue-full", "Full.", headers={"Retry-After": "1"})
    stand_in.tell("GET", "/v1/images", later, Told(body={"uploaded": ["x"]}))
    ran = imgup("links")
    assert ran.stdout == "x\n"
    assert "Full. (503 queue-full) Trying again in 1 s.\n" in ran.stderr


# --- the other commands ---------------------------------------------------------------------


def test_status_shows_a_head_and_a_line_for_each_url(imgup, stand_in):
    results = [result(0, deleted="pending"), result(1, "failed"), result(2, "pending")]
    waiting = {"reason": "imgur-rate-limited", "message": "Uploads wait."}
    body = job(results, cancelled=True, retryOf="old", waiting=waiting)
    stand_in.tell("GET", JOB_PATH, Told(body=body))
    ran = imgup("status", JOB)
    assert ran.exit_code == 1
    assert ran.stdout.splitlines() == [
        f"job         {JOB}",
        "status      in-progress, cancelled",
        "created     2026-11-24T19:38:26Z",
        "finished    -",
        "uploaded    1 of 3",
        "failed      1",
        "retry of    old",
        "waiting     Uploads wait.",
        "complete  https://example.com/0.png  https://i.imgur.com/0.png  deletion pending",
        "failed    https://example.com/1.png  source-not-found",
        "pending   https://example.com/2.png",
    ]


def test_status_follows_a_job_to_its_end(imgup, stand_in):
    pending, done = (Told(body=job([result(0, state)])) for state in ("pending", "complete"))
    stand_in.tell("GET", JOB_PATH, pending, done)
    ran = imgup("status", JOB, "--follow", "--json")
    assert ran.exit_code == 0
    assert json.loads(ran.stdout) == job([result(0)])


def test_list_shows_the_newest_jobs(imgup, stand_in):
    jobs = [summary(3), summary(2, cancelled=True), summary(1)]
    stand_in.tell("GET", "/v1/jobs", Told(body={"jobs": jobs, "next": 2}))
    ran = imgup("list", "--limit", "2", "--status", "in-progress")
    assert ran.stdout.splitlines() == [
        "job-3  in-progress  2026-11-24T19:38:26Z      20      3     24",
        "job-2  cancelled    2026-11-24T19:38:26Z      20      3     24",
    ]
    assert stand_in.asked[0].query == {"limit": "2", "status": "in-progress"}
    assert json.loads(imgup("list", "--limit", "3", "--json").stdout) == {"jobs": jobs}


def test_links_are_printed_page_by_page(imgup, stand_in):
    pages = [Told(body={"uploaded": ["x"], "next": 1}), Told(body={"uploaded": ["y"]})]
    stand_in.tell("GET", "/v1/images", *pages)
    assert imgup("links").stdout == "x\ny\n"
    stand_in.tell("GET", "/v1/images", Told(body={"uploaded": ["x"], "next": None}))
    assert json.loads(imgup("links", "--json").stdout) == {"uploaded": ["x"]}


def test_changes_are_asked_for(imgup, stand_in):
    stand_in.tell("DELETE", JOB_PATH, Told(202, {"jobId": JOB, "cancelled": 3}))
    stand_in.tell("POST", JOB_PATH + "/retry", Told(202, {"jobId": "new", "retryOf": JOB}))
    stand_in.tell("DELETE", JOB_PATH + "/images/0", Told(202, {"deleted": "pending"}))
    assert imgup("cancel", JOB).stdout == "3 cancelled\n"
    assert imgup("retry", JOB).stdout == "new\n"
    deleted = imgup("delete", JOB, "0")
    assert (deleted.exit_code, deleted.stdout) == (0, "")
    stand_in.tell("DELETE", JOB_PATH, problem(409, "job-complete", "It is complete."))
    assert imgup("cancel", JOB).exit_code == 3


def test_limits_are_shown(imgup, stand_in):
    body = {
        "credits": {"client": {"limit": 12500, "remaining": 12, "reset": None}, "user": {}},
        "posts": {"remaining": 3, "reset": "2026-11-24T20:00:00Z"},
        "budget": {
            "day": {"limit": 9, "remaining": 9, "next": None},
            "hour": {"limit": 2, "remaining": 0, "next": "2026-11-24T21:00:00Z"},
        },
        "pauseSeconds": 61.5,
        "paused": True,
    }
    stand_in.tell("GET", "/v1/limits", Told(body=body))
    assert imgup("limits").stdout.splitlines() == [
        "application  12 of 12500 left",
        "address      unknown",
        "uploads      3 left, whole again at 2026-11-24T20:00:00Z",
        "any day      9 of 9 left",
        "any hour     0 of 2 left, more from 2026-11-24T21:00:00Z on",
        "pause        62 s from now",
    ]
    assert json.loads(imgup("limits", "--json").stdout) == body


def test_the_sandbox_is_named_once(imgup, stand_in):
    told = Told(body={"uploaded": ["x"]}, headers={"X-Sandbox": "true"})
    stand_in.tell("GET", "/v1/images", told)
    ran = imgup("links")
    assert ran.stderr == "sandbox: nothing was sent to Imgur\n"
    assert ran.stdout == "x\n"


# --- text from elsewhere --------------------------------------------------------------------


def test_what_the_service_says_is_shown_as_text(imgup, uploads):
    evil = "[bold]\x1b]0;title\x07[/]\u202e"
    uploads(
        result(0, link="https://i/\x1b[31m[link=x]"),
        result(1, "failed", url="https://a/\x1b[0m", message=evil, reason=":smile:"),
    )
    ran = imgup("upload", ONE)
    assert ran.stdout == "https://i/\\x1b[31m[link=x]\n"
    assert "[bold]\\x1b]0;title\\x07[/]\\u202e (:smile:)\n" in ran.stderr
    assert not {"\x1b", "\x07", "\u202e"} & set(ran.output)


def test_a_refusal_is_shown_as_text(imgup, stand_in):
    stand_in.tell("GET", "/v1/images", problem(409, "x", "[red]\x1b[2J"))
    assert imgup("links").stderr == "imgup: [red]\\x1b[2J (409 x)\n"


def test_json_holds_nothing_that_acts_on_a_terminal(imgup, stand_in):
    stand_in.tell("GET", "/v1/images", Told(body={"uploaded": ["\x9b31m\u202e"]}))
    ran = imgup("links", "--json")
    assert ran.stdout.isascii()
    assert json.loads(ran.stdout) == {"uploaded": ["\x9b31m\u202e"]}


# --- help and document --------------------------------------------------------------------


def test_help_names_the_exit_codes_and_every_command_has_help():
    ran = CliRunner().invoke(cli, ["--help"])
    for code in ("0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "130", "141"):
        assert f"\n    {code}" in ran.output
    for name in cli.commands:
        assert CliRunner().invoke(cli, [name, "--help"]).exit_code == 0


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_the_document_names_every_command_and_option(name):
    document = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
    assert f"imgup {name} " in document
    options = [parameter.opts[0] for parameter in cli.commands[name].params]
    assert [option for option in options if option[0] == "-" and option not in document] == []


@pytest.mark.parametrize("code", ExitCode)
def test_the_document_names_every_exit_code(code):
    document = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
    assert f"\n| {code} |" in document
