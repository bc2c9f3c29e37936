"""socketify, which is uWebSockets' core: a topic for each symbol."""

from socketify import App, AppListenOptions, OpCode
from updates import PORT, Subscribers

app = App()


def send(symbol, text):
    app.publish(symbol, text, OpCode.TEXT)


subscribers = Subscribers(send)


def sub(socket, message, _):
    for symbol in message.removeprefix("SUB ").split(","):
        socket.subscribe(symbol)
    subscribers.came()


app.ws("/", {"message": sub})
app.listen(AppListenOptions(port=PORT, host="127.0.0.1"))
app.run()
