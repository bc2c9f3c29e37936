#!/usr/bin/env python3
"""Tokens that somebody else's library signed, over a real server: where they may stand, what they open, how they end."""

import asyncio
import json
import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import jwt
import websockets
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from harness import TICKERD, TICKWATCH, run_tests

SECRET = b"a secret of more than 32 bytes, for tests"
KEYS = {
    "RS256": rsa.generate_private_key(65_537, 2_048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
#: Every token that was made: none of them may be in anything the server says.
MINTED = []


def mint(algorithm="HS256", key=None, seconds=3_600, kid=True, **claims):
    claims = {"exp": time.time() + seconds, "iss": "tests", "aud": "feed", "sub": "ann", "symbols": ["AAPL"]} | claims
    headers = {"kid": algorithm.lower()} if kid else None
    token = jwt.encode(claims, key or KEYS.get(algorithm, None if algorithm == "none" else SECRET), algorithm, headers)
    MINTED.append(token)
    return token


class Guarded:
    """tickerd that wants tokens, with all it writes in a file."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        (folder / "hs256").write_bytes(SECRET + b"\n")
        options = ["--token-key", f"hs256=HS256:{folder}/hs256"]
        for algorithm, key in KEYS.items():
            (folder / algorithm).write_bytes(key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
            options += ["--token-key", f"{algorithm.lower()}={algorithm}:{folder}/{algorithm}"]
        self.log = folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [TICKERD, "--listen", "127.0.0.1:0", "--log-level", "debug", "--token-issuer", "tests",
                 "--token-audience", "feed", *options], stdout=subprocess.PIPE, stderr=log, text=True)
        for line in self.process.stdout:
            if "ws://" in line:
                self.address = line.split("ws://")[1].split("/")[0]
                return self
        raise AssertionError("tickerd did not start")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.folder.cleanup()

    def get(self, path, token=None, **headers):
        """Status, headers and text; the text never holds a token."""
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(f"http://{self.address}{path}", headers=headers)
        try:
            answer = urllib.request.urlopen(request, timeout=10)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text = answer.read().decode()
            assert not any(token in text + str(answer.headers) for token in MINTED)
            return answer.status, answer.headers, text

    def stream(self, **headers):
        return websockets.connect(f"ws://{self.address}/v1/stream", additional_headers=headers)


async def ask(socket, message):
    await socket.send(json.dumps({"id": 7, **message}))
    while (answer := json.loads(await asyncio.wait_for(socket.recv(), 5))).get("id") != 7:
        pass
    return answer


QUOTE = {"op": "subscribe", "channel": "quote", "symbols": ["AAPL", "MSFT"]}


async def every_algorithm_in_the_header(server):
    for algorithm in ["HS256", *KEYS]:
        for kid in (True, False):
            async with server.stream(Authorization="Bearer " + mint(algorithm, kid=kid)) as socket:
                answer = await ask(socket, QUOTE)
                assert answer["symbols"] == ["AAPL"], answer
                assert answer["refused"] == [{"symbol": "MSFT", "code": "forbidden"}], answer


async def a_cookie_and_a_message(server):
    async with server.stream(Cookie="tickerfeed_token=" + mint("ES256")) as socket:
        assert (await ask(socket, QUOTE))["symbols"] == ["AAPL"]
    async with server.stream() as socket:
        assert (await ask(socket, QUOTE))["code"] == "unauthenticated"
        answer = await ask(socket, {"op": "auth", "token": mint("EdDSA")})
        assert answer["subject"] == "ann" and answer["symbols"] == ["AAPL"], answer
        assert (await ask(socket, QUOTE))["symbols"] == ["AAPL"]


async def what_is_wrong_is_refused(server):
    other = rsa.generate_private_key(65_537, 2_048)
    wrong = [
        mint("RS256", other), mint(seconds=-60), mint(nbf=time.time() + 60), mint(iss="them"), mint(aud="else"),
        mint(key=b"another secret of more than 32 bytes, as well"), mint("HS512", SECRET), mint("none")]
    for token in wrong:
        status, headers, _ = server.get("/v1/symbols", token)
        assert status == 401 and 'error="invalid_token"' in headers["WWW-Authenticate"], token
        try:
            async with server.stream(Authorization=f"Bearer {token}"):
                raise AssertionError("it was let in")
        except websockets.InvalidStatus as refusal:
            assert refusal.response.status_code == 401


async def requests_see_what_is_allowed(server):
    assert server.get("/v1/symbols")[0] == 401
    names = [entry["symbol"] for entry in json.loads(server.get("/v1/symbols", mint())[2])["symbols"]]
    assert names == ["AAPL"], names
    assert server.get("/v1/snapshot/AAPL", mint("RS256"))[0] == 200
    assert server.get("/v1/snapshot/MSFT", mint())[0] == 403
    assert server.get("/v1/poll?channel=quote&symbols=AAPL")[0] == 401
    assert server.get("/v1/poll?channel=quote&symbols=AAPL", mint())[0] == 200
    for path in ("/v1/stream", "/v1/symbols", "/v1/poll", "/v1/preflight"):
        assert server.get(f"{path}?token={mint()}")[0] == 400
    report = json.loads(server.get("/v1/preflight", mint())[2])
    assert report["ok"] and report["token"] == "valid" and report["subject"] == "ann", report
    assert json.loads(server.get("/v1/preflight", mint(seconds=-99))[2])["token"] == "expired"


async def a_token_ends_and_is_renewed(server):
    async with server.stream(Authorization="Bearer " + mint(seconds=2)) as ending, \
            server.stream(Authorization="Bearer " + mint(seconds=2)) as renewed:
        assert (await ask(renewed, {"op": "auth", "token": mint(seconds=600)}))["type"] == "ack"
        kinds = set()
        try:
            while True:
                kinds.add(json.loads(await asyncio.wait_for(ending.recv(), 10))["type"])
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd.code == 4401, closed
        assert "expiring" in kinds, kinds
        assert (await ask(renewed, {"op": "ping"}))["type"] == "pong"


async def tickwatch_brings_its_token(server):
    def watch(token=None, *options):
        environment = dict(os.environ, **({"TICKERFEED_TOKEN": token} if token else {}))
        return subprocess.Popen(
            [TICKWATCH, "--url", f"ws://{server.address}/v1/stream", *options, "AAPL"], env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    refused = watch()
    out, err = refused.communicate(timeout=20)
    assert refused.returncode == 4 and len(err.splitlines()) == 1, err
    file = Path(server.folder.name) / "token"
    file.write_text(mint() + "\n")
    for process in (watch(mint()), watch(None, "--token-file", str(file))):
        assert "AAPL" in process.stdout.readline()
        process.kill()
        process.communicate()


async def no_token_is_in_what_the_server_wrote(server):
    written = server.log.read_text() + server.get("/metrics")[2]
    parts = {part for token in MINTED for part in token.split(".")[1:] if part}
    assert not any(part in written for part in parts)
    assert SECRET.decode() not in written
    assert 'tokens_refused_total{reason="expired"}' in written


if __name__ == "__main__":
    with Guarded() as guarded:
        def test(function):
            async def run():
                await function(guarded)
            run.__name__ = function.__name__
            return run
        asyncio.run(run_tests([test(function) for function in (
            every_algorithm_in_the_header, a_cookie_and_a_message, what_is_wrong_is_refused,
            requests_see_what_is_allowed, a_token_ends_and_is_renewed, tickwatch_brings_its_token,
            no_token_is_in_what_the_server_wrote)]))
