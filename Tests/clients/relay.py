"""A TCP relay before a server, on threads: to cut what goes through it, or to change it on its way back."""

import contextlib
import socket
import threading


class Relay:
    def __init__(self, server):
        self.target = "127.0.0.1", server.port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.url = f"ws://{self.address}/v1/stream"
        self.pairs = []
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.cut()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, server = pair = self.listener.accept()[0], socket.create_connection(self.target)
                self.pairs.append(pair)
                threading.Thread(target=self.pass_on, args=(client, server), daemon=True).start()
                threading.Thread(target=self.pass_back, args=(server, client), daemon=True).start()

    def pass_on(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    #: From the server to the client.
    pass_back = pass_on

    def cut(self):
        """Ends all connections, in the middle of whatever they were at."""
        for one in sum(self.pairs, ()):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self.pairs.clear()
