"""One aiohttp session, eight images at a time: what an event loop is for."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import aiohttp

from benchmarks.front import Upload

_AT_A_TIME = 8


async def transfer(session: aiohttp.ClientSession, source: str, sink: str) -> None:
    async with session.get(source) as fetched:
        image = await fetched.read()
    form = aiohttp.FormData()
    form.add_field("image", image, filename="image.jpg", content_type="image/jpeg")
    headers = {"Authorization": "Client-ID bench"}
    async with session.post(sink, data=form, headers=headers) as answer:
        (await answer.json())["data"]["link"]


async def transfer_all(session: aiohttp.ClientSession, urls: Sequence[str], sink: str) -> None:
    left = iter(urls)

    async def lane() -> None:
        for url in left:
            await transfer(session, url, sink)

    await asyncio.gather(*(lane() for _ in range(_AT_A_TIME)))


@contextmanager
def opened() -> Iterator[Upload]:
    async def make_session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    with asyncio.Runner() as runner:
        session = runner.run(make_session())
        yield lambda urls, sink: runner.run(transfer_all(session, urls, sink))
        runner.run(session.close())
