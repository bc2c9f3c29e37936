"""python-socketio as its documentation has it: a room for each symbol, on uvicorn with uvloop."""

import json

import socketio
import uvicorn
from updates import PORT, Subscribers

server = socketio.AsyncServer(async_mode="asgi")
subscribers = Subscribers(lambda symbol, text: server.emit("tick", json.loads(text), room=symbol))


@server.on("sub")
async def sub(sid, symbols):
    for symbol in symbols.split(","):
        await server.enter_room(sid, symbol)
    subscribers.came()


uvicorn.run(socketio.ASGIApp(server), host="127.0.0.1", port=PORT, log_level="error")
