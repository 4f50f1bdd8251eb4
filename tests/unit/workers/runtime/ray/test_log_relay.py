"""Lines of other processes in the log of this one."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[5]
_ACTOR = """
import os, sys
sys.path.insert(0, {root!r})
from workers.runtime.ray.log_relay import divert_log
divert_log({path!r})
for number in range({count}):
    os.write(1, b"%s line %d\\n" % ({name!r}, number))
"""
_SERVICE = """
import subprocess, sys
from workers.contract import log_writer
from workers.runtime.ray.log_relay import LogRelay
# Its reader may be slow.
log_writer.DRAIN_SECONDS = log_writer.STALLED_SECONDS = 60.0
relay = LogRelay()
code = {actor!r}
actors = [
    subprocess.Popen([sys.executable, "-c", code.replace("PATH", relay.path).replace("NAME", name)])
    for name in ("one", "two")
]
for actor in actors:
    actor.wait()
relay.close()
import os
print("folder gone:", not os.path.exists(os.path.dirname(relay.path)), file=sys.stderr)
"""


def test_every_line_of_several_actors_arrives_whole() -> None:
    actor = _ACTOR.format(root=str(ROOT), path="PATH", name=b"NAME", count=500)
    answer = subprocess.run(
        [sys.executable, "-c", _SERVICE.format(actor=actor)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = answer.stdout.splitlines()
    assert answer.stderr == "folder gone: True\n"
    for name in ("one", "two"):
        own = [line for line in lines if line.startswith(name)]
        assert own == [f"{name} line {number}" for number in range(500)]
    assert len(lines) == 1000


def test_without_a_relay_output_stays_where_it_is() -> None:
    code = "from workers.runtime.ray.log_relay import divert_log; divert_log(None); print('here')"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout == "here\n"
