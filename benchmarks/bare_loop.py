"""The work itself: download and upload with one requests session, in this process."""

import io
import sys
import time

import requests

WARM_UP = 20


def transfer(session: requests.Session, source: str, sink: str) -> str:
    """Download one image and upload it, in the two calls that everybody would write."""
    image = session.get(source, timeout=30).content
    answer = session.post(
        sink,
        headers={"Authorization": "Client-ID bench"},
        files={"image": ("image.jpg", io.BytesIO(image), "image/jpeg")},
        timeout=60,
    )
    return str(answer.json()["data"]["link"])


def main() -> None:
    """Print images, wall seconds and CPU seconds of a run: ``bare_loop.py ORIGIN COUNT``."""
    origin, count = sys.argv[1], int(sys.argv[2])
    session = requests.Session()
    for number in range(WARM_UP):
        transfer(session, f"{origin}/images/warm-{number}.jpg", f"{origin}/3/image")
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(count):
        transfer(session, f"{origin}/images/{number}.jpg", f"{origin}/3/image")
    print(count, time.perf_counter() - wall, time.process_time() - cpu)


if __name__ == "__main__":
    main()
