#!/usr/bin/env python3
"""Tokens that somebody else's library signed, over a real server: where they may stand, what they open, how they end."""

import asyncio
import json
import tempfile
import time
from pathlib import Path

import jwt
import websockets
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from guarded import SECRET
from harness import Logged, fetch, run_tests

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


class Guarded(Logged):
    """tickerd that wants tokens, and logs all there is."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "hs256").write_bytes(SECRET + b"\n")
        options = ["--token-key", f"hs256=HS256:{folder}/hs256"]
        for algorithm, key in KEYS.items():
            (folder / algorithm).write_bytes(key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
            options += ["--token-key", f"{algorithm.lower()}={algorithm}:{folder}/{algorithm}"]
        super().__init__("--log-level", "debug", "--token-issuer", "tests", "--token-audience", "feed", *options)

    def ask(self, path, token=None):
        """Status, headers and text; the text never holds a token."""
        answer = fetch(f"http://{self.address}{path}", headers={"Authorization": f"Bearer {token}"} if token else {})
        assert not any(token in answer[2] + str(answer[1]) for token in MINTED)
        return answer

    def stream(self, **headers):
        return websockets.connect(self.url, additional_headers=headers)


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
        status, headers, _ = server.ask("/v1/symbols", token)
        assert status == 401 and 'error="invalid_token"' in headers["WWW-Authenticate"], token
        try:
            async with server.stream(Authorization=f"Bearer {token}"):
                raise AssertionError("it was let in")
        except websockets.InvalidStatus as refusal:
            assert refusal.response.status_code == 401


async def requests_see_what_is_allowed(server):
    assert server.ask("/v1/symbols")[0] == 401
    names = [entry["symbol"] for entry in json.loads(server.ask("/v1/symbols", mint())[2])["symbols"]]
    assert names == ["AAPL"], names
    assert server.ask("/v1/snapshot/AAPL", mint("RS256"))[0] == 200
    assert server.ask("/v1/snapshot/MSFT", mint())[0] == 403
    assert server.ask("/v1/poll?channel=quote&symbols=AAPL")[0] == 401
    assert server.ask("/v1/poll?channel=quote&symbols=AAPL", mint())[0] == 200
    for path in ("/v1/stream", "/v1/symbols", "/v1/poll", "/v1/preflight"):
        assert server.ask(f"{path}?token={mint()}")[0] == 400
    report = json.loads(server.ask("/v1/preflight", mint())[2])
    assert report["ok"] and report["token"] == "valid" and report["subject"] == "ann", report
    assert json.loads(server.ask("/v1/preflight", mint(seconds=-99))[2])["token"] == "expired"


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


async def no_token_is_in_what_the_server_wrote(server):
    written = "\n".join(server.lines()) + server.get("/metrics")
    parts = {part for token in MINTED for part in token.split(".")[1:] if part}
    assert not any(part in written for part in parts)
    assert SECRET.decode() not in written
    assert 'tokens_refused_total{reason="expired"}' in written


with tempfile.TemporaryDirectory() as folder, Guarded(Path(folder)) as server:
    run_tests([
        every_algorithm_in_the_header, a_cookie_and_a_message, what_is_wrong_is_refused,
        requests_see_what_is_allowed, a_token_ends_and_is_renewed,
        no_token_is_in_what_the_server_wrote,
    ], server)
