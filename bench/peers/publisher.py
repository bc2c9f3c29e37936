"""Publishes into an engine, whose connections others are: PORT SYMBOLS RATE 0 nats|redis"""

import asyncio
import sys

from updates import PORT, Updates

GREETINGS = {"nats": b'CONNECT {"verbose":false}\r\n', "redis": b""}


def command(engine, symbol, text):
    """Symbols and updates are ASCII."""
    if engine == "nats":
        return f"PUB {symbol} {len(text)}\r\n{text}\r\n"
    return f"*3\r\n$7\r\nPUBLISH\r\n${len(symbol)}\r\n{symbol}\r\n${len(text)}\r\n{text}\r\n"


async def answer(reader, writer):
    """Redis counts receivers; NATS asks whether somebody is there."""
    while heard := await reader.read(65_536):
        if b"PING" in heard:
            writer.write(b"PONG\r\n")
    sys.exit("the engine hung up")


async def main(engine):
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.write(GREETINGS[engine])
    listening = asyncio.create_task(answer(reader, writer))
    updates = Updates()
    while not listening.done():
        writer.write("".join(command(engine, *each) for each in updates.due()).encode())
        await writer.drain()
        await asyncio.sleep(0.001)
    await listening


asyncio.run(main(sys.argv[5]))
