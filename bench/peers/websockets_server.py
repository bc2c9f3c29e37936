"""websockets as its documentation has it: `broadcast()`, on uvloop."""

import asyncio
import collections

import websockets
from updates import PORT, Subscribers

try:
    from uvloop import run
except ImportError:  # the tests' interpreter has none
    from asyncio import run

followers = collections.defaultdict(set)
subscribers = Subscribers(lambda symbol, text: websockets.broadcast(followers[symbol], text))


async def serve(socket):
    symbols = (await socket.recv()).removeprefix("SUB ").split(",")
    for symbol in symbols:
        followers[symbol].add(socket)
    subscribers.came()
    await socket.wait_closed()
    for symbol in symbols:
        followers[symbol].discard(socket)


async def main():
    async with websockets.serve(serve, "127.0.0.1", PORT):
        await asyncio.get_running_loop().create_future()


run(main())
