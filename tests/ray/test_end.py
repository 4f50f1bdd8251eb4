"""On a cluster a service's end is not its jobs' end; removing the backend is."""

import os
import signal
import subprocess
import sys

from tests.chaos.load import slow_urls
from tests.ray.running_cluster import gone, wait_for
from tests.running_service import ROOT

WORKERS = 4


def test_jobs_outlive_the_service_until_the_backend_is_removed(
    launch, sandbox, cluster, remove_board
):
    service = launch().wait_until_ready()
    wait_for("all workers", lambda: len(cluster.pids("ClusterWorker")) == WORKERS)
    job_id = service.submit(slow_urls(sandbox, "outlive", 40, milliseconds=500))
    service.wait_for("urls in work", lambda: service.get("/readyz").json()["leased_urls"])
    service.signal(signal.SIGTERM)
    assert service.wait_for_exit() == 0
    assert service.events("jobs go on: the actors stay on the cluster until they are removed")
    assert not service.events("job dropped unfinished")
    completed = wait_for(
        "end of the job",
        lambda: [event for event in cluster.events("job complete") if event["job_id"] == job_id],
    )
    assert [event["complete"] for event in completed] == [40]

    actors = [
        pid
        for name in ("ClusterWorker", "ClusterSupervisor", "BackendState")
        for pid in cluster.pids(name)
    ]
    assert len(actors) == WORKERS + 2
    answer = remove_board()
    assert answer.returncode == 0, answer.stderr
    assert '"actors removed"' in answer.stdout
    wait_for("end of the actors", lambda: gone(actors))
    assert '"there are no actors to remove"' in remove_board().stdout


def test_what_is_not_done_when_the_backend_is_removed_is_named(
    launch, sandbox, settings, remove_board
):
    settings["DRAIN_SECONDS"] = "1"
    service = launch().wait_until_ready()
    job_id = service.submit(slow_urls(sandbox, "never", 20, milliseconds=20_000))
    service.wait_for("urls in work", lambda: service.get("/readyz").json()["leased_urls"])
    service.signal(signal.SIGTERM)
    assert service.wait_for_exit() == 0
    answer = remove_board()
    assert answer.returncode == 0, answer.stderr
    assert '"job dropped unfinished"' in answer.stdout
    assert job_id in answer.stdout


def test_a_state_that_was_never_opened_is_removed(cluster, settings, remove_board):
    code = (
        "import os\n"
        "from workers.runtime.ray import actors, connection, environment\n"
        "names = ('RAY_ADDRESS', 'RAY_NAMESPACE')\n"
        "connection.connect(environment.ClusterAddress(*map(os.environ.get, names)))\n"
        "state = actors.ray.remote(concurrency_groups=actors.STATE_THREADS)(actors.BackendState)\n"
        "state.options(name=actors.STATE_NAME, lifetime='detached', num_cpus=0).remote()\n"
    )
    env = {"PATH": os.environ["PATH"]} | settings
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, timeout=60, check=True)
    (state,) = wait_for("its process", lambda: cluster.pids("BackendState"))
    answer = remove_board()
    assert answer.returncode == 0, answer.stderr
    wait_for("its end", lambda: gone([state]))
