"""Who takes part, and how each is set up.

Throughput: what gave each library the most on two cores. Latency: what its users get who set
nothing. Neither loses a result: all store the link under the task's id.
"""

from benchmarks.front_contender import FrontContender

_PEERS = "benchmarks.peers"
_CLIENTS = "benchmarks.clients"
_CELERY = ("celery", "-A", f"{_PEERS}.celery_app", "worker")
# Nothing that only several hosts need, and messages fetched ahead.
_CELERY_LEAN = ("--without-gossip", "--without-mingle", "--without-heartbeat")
_CELERY_AHEAD = ("--prefetch-multiplier", "32")
_RQ = ("--url", "redis://127.0.0.1:{port}/0")

CELERY_CPUS = FrontContender(
    "celery, a process a core",
    f"{_PEERS}.celery_app",
    (*_CELERY, *_CELERY_LEAN, *_CELERY_AHEAD),
)
CELERY_4 = FrontContender(
    "celery, 4 processes",
    f"{_PEERS}.celery_app",
    (*_CELERY, *_CELERY_LEAN, *_CELERY_AHEAD, "--concurrency", "4"),
)
CELERY_DEFAULT = FrontContender("celery, its defaults", f"{_PEERS}.celery_app", _CELERY)

DRAMATIQ_DEFAULT = FrontContender(
    "dramatiq, its defaults", f"{_PEERS}.dramatiq_app", ("dramatiq", f"{_PEERS}.dramatiq_app")
)
DRAMATIQ_4 = FrontContender(
    "dramatiq, 4 processes",
    f"{_PEERS}.dramatiq_app",
    ("dramatiq", f"{_PEERS}.dramatiq_app", "--processes", "4", "--threads", "1"),
)

HUEY_4 = FrontContender(
    "huey, 4 processes",
    f"{_PEERS}.huey_app",
    ("huey_consumer", f"{_PEERS}.huey_app.huey", "-k", "process", "-w", "4", "-n", "-q"),
)
HUEY_DEFAULT = FrontContender(
    "huey, its defaults", f"{_PEERS}.huey_app", ("huey_consumer", f"{_PEERS}.huey_app.huey")
)

RQ_SIMPLE_4 = FrontContender(
    "rq, 4 workers that do not fork",
    f"{_PEERS}.rq_app",
    ("rq", "worker-pool", "bench", "-n", "4", "-w", "rq.worker.SimpleWorker", "-q", *_RQ),
)
RQ_4 = FrontContender(
    "rq, pool of 4", f"{_PEERS}.rq_app", ("rq", "worker-pool", "bench", "-n", "4", "-q", *_RQ)
)
RQ_DEFAULT = FrontContender("rq, its defaults", f"{_PEERS}.rq_app", ("rq", "worker", "bench", *_RQ))

NAIVE = FrontContender("naive Manager, 4 processes", f"{_PEERS}.naive_manager")
BARE_LOOP = FrontContender("bare loop", f"{_CLIENTS}.requests_session")
URLLIB3 = FrontContender("urllib3", f"{_CLIENTS}.urllib3_pool")
AIOHTTP = FrontContender("aiohttp", f"{_CLIENTS}.aiohttp_session")
PYCURL = FrontContender("pycurl", f"{_CLIENTS}.pycurl_handle")
