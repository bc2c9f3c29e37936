"""HTTP and WebSocket byte by byte over a bare socket: clients that do what no library does, or do not read."""

import json
import socket
import struct

UPGRADE = (
    b"GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n")


def dial(server, buffer=None):
    """A connection, with TLS where the server speaks it. `buffer`: bytes that its kernel keeps unread."""
    one = socket.socket()
    one.settimeout(10)
    if buffer:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    one.connect(("127.0.0.1", server.port))
    return server.tls.wrap_socket(one, server_hostname="127.0.0.1") if server.tls else one


def upgraded(server, more=b"", buffer=None):
    """A stream that was welcomed. `more`: further fields of its request."""
    one = dial(server, buffer)
    one.sendall(UPGRADE + more + b"\r\n")
    said = b""
    while b'"welcome"' not in said:
        chunk = one.recv(65_536)
        assert chunk, said
        said += chunk
    return one


def stalled(server, *subscriptions, buffer=4_096):
    """A stream that asks for much, and reads nothing of it."""
    one = upgraded(server, buffer=buffer)
    for fields in subscriptions:
        one.sendall(frame(0x81, json.dumps({"op": "subscribe", "rate": "max", **fields}).encode()))
    return one


def everything(one):
    """What comes until the end, which may be a reset."""
    said = b""
    try:
        while chunk := one.recv(65_536):
            said += chunk
    except ConnectionResetError:
        pass
    return said


def frame(first, payload=b"", mask=b"\1\2\3\4"):
    length = len(payload)
    head = bytes([first, 0x80 | length]) if length < 126 else bytes([first, 0xfe]) + struct.pack(">H", length)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def close_code(said):
    """Of the close frame at the end; frames of the server are not masked."""
    at = 0
    while at + 4 <= len(said):
        length, start = said[at + 1] & 0x7f, at + 2
        if length == 126:
            length, start = struct.unpack_from(">H", said, start)[0], start + 2
        if said[at] & 15 == 8:
            return struct.unpack_from(">H", said, start)[0]
        at = start + length
    return None
