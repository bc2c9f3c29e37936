"""A server that wants tokens, and tokens for it that somebody else's library signed."""

import contextlib
import tempfile
import time
from pathlib import Path

import jwt
from harness import Server

SECRET = b"a secret of more than 32 bytes, for tests"


def mint(seconds=600, key=SECRET, **claims):
    """Ann's, who may read AAPL for so long."""
    return jwt.encode({"exp": time.time() + seconds, "sub": "ann", "symbols": ["AAPL"], **claims}, key, "HS256")


@contextlib.contextmanager
def guarded():
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "key").write_bytes(SECRET + b"\n")
        with Server("--token-key", f"HS256:{folder}/key") as server:
            yield server
