#!/usr/bin/env python3
"""The admin port's replay: what it refuses, and what clients see of a pause, a step and a seek."""

import json

from harness import SESSION, Server, connected, eventually, fetch, run_tests

CHANNELS = ("quote", "trade", "book", "bar", "stats", "status")


class Replay(Server):
    """A recorded session with an admin port."""

    def __init__(self, *options):
        super().__init__("--admin", "127.0.0.1:0", "--feed", SESSION, *options)

    def ask(self, body=None, *, kind="application/json", method=None):
        """Status and answer; without a body the state."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        headers = {} if data is None else {"Content-Type": kind}
        status, _, text = fetch(f"http://{self.admin}/admin/replay", data, headers=headers, method=method)
        return status, json.loads(text) if status == 200 else text

    def does(self, **command):
        status, state = self.ask(command)
        assert status == 200, (command, status, state)
        return state


async def what_is_no_command_is_refused():
    with Replay("--speed", "10") as server:
        assert server.ask(b"x" * 4_097)[0] == 413
        assert server.ask({"action": "pause"}, method="DELETE")[0] == 405
        for body, status in ((b"", 400), (b"{}", 400), ({"action": "pause", "now": 1}, 400),
                             ({"action": "seek", "to": "noon"}, 400), ({"action": "speed", "speed": 0}, 400)):
            assert server.ask(body)[0] == status, body
        assert server.ask({"action": "pause"}, kind="text/plain")[0] == 415
        assert server.ask()[1]["state"] == "playing", "and none of them did anything"


async def next_epoch(client):
    while message := await client.read(5):
        if message["type"] == "epoch":
            return message["epoch"]
    raise AssertionError("nobody said that it is another epoch")


async def quiet(client):
    """Reads until two heartbeats came with nothing between them."""
    beats = 0
    while beats < 2:
        message = await client.read(5)
        assert message, "a heartbeat is missing"
        beats = beats + 1 if message["type"] == "heartbeat" else 0


async def subscribe_to_all(client):
    client.depth = 50
    for channel in CHANNELS:
        await client.ask("subscribe", channel=channel, symbols=["*"], rate="max",
                         **({"depth": 50, "crc": True} if channel == "book" else {}))


async def a_seek_begins_anew_for_everybody():
    with Replay("--speed", "200") as server:
        # Where a file ends is known once it was played.
        server.does(action="seek", to=server.ask()[1]["from"] + 24 * 3_600 * 10**9)
        await eventually(lambda: server.ask()[1]["to"] is not None, otherwise="it does not end")
        start = server.ask()[1]
        middle = (start["from"] + start["to"]) // 2
        async with connected(server) as text, connected(server, "sbe") as binary:
            for client in text, binary:
                await subscribe_to_all(client)
            epochs = [start["epoch"]]
            for to in (middle, "-10m", start["from"], start["to"], middle):
                server.does(action="pause")
                epoch = server.does(action="seek", to=to)["epoch"]
                assert epoch not in epochs, (epoch, epochs)
                epochs.append(epoch)
                for client in text, binary:
                    assert await next_epoch(client) == epoch
                state = server.does(action="step", count=200)
                assert state["state"] in ("paused", "ended") and state["epoch"] == epoch, state
                for client in text, binary:
                    await quiet(client)
                    assert not client.breaks, client.breaks[:3]
                    shown = server.snapshot("AAPL", 50)
                    assert shown["epoch"] == epoch
                    if "AAPL" in client.books:
                        assert client.books["AAPL"].levels() == [shown["book"]["bids"], shown["book"]["asks"]]
                server.does(action="resume")


run_tests([what_is_no_command_is_refused, a_seek_begins_anew_for_everybody])
