"""FastAPI as its documentation has it: a `send_text()` for each connection, on uvicorn with uvloop."""

import collections

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from updates import PORT, Subscribers

app = FastAPI()
followers = collections.defaultdict(set)


async def send(symbol, text):
    for socket in list(followers[symbol]):
        try:
            await socket.send_text(text)
        except (RuntimeError, WebSocketDisconnect):
            followers[symbol].discard(socket)


subscribers = Subscribers(send)


@app.websocket("/")
async def serve(socket: WebSocket):
    await socket.accept()
    symbols = (await socket.receive_text()).removeprefix("SUB ").split(",")
    for symbol in symbols:
        followers[symbol].add(socket)
    subscribers.came()
    try:
        await socket.receive_text()
    except WebSocketDisconnect:
        for symbol in symbols:
            followers[symbol].discard(socket)


uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="error")
