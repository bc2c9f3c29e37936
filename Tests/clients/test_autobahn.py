#!/usr/bin/env python3
"""The Autobahn suite, as much of it as takes half a minute, against our server and against our client.

A machine that cannot run the suite (Tests/autobahn/README.md says what it takes) is told so and passes,
unless AUTOBAHN=required.
"""
import os
import re
import subprocess
import sys
import tempfile

from harness import ROOT, TICKERD, Server, said

TICKBENCH = os.environ.get("TICKBENCH", str(ROOT / ".build/debug/tickbench"))
SUITE = ROOT / "Tests/autobahn"
VENV = ROOT / ".build/autobahn"

# Everything but sizes (9), and of the 216 cases of compression one of each kind of data and of parameters.
FAST = ",".join(f"{section}.*" for section in (1, 2, 3, 4, 5, 6, 7, 10))
DEFLATE = "12.1.1,12.2.1,12.3.1,12.4.1,12.5.1,13.1.1,13.2.1,13.3.1,13.4.1,13.5.1,13.6.1,13.7.1"
# Of sizes: the longest message, 65,536 fragments, a thousand messages.
SIZES = "9.1.6,9.4.1,9.7.1"


def set_up():
    """True where the suite can be run here."""
    made = subprocess.run([SUITE / "setup", VENV], text=True, capture_output=True)
    if made.returncode == 0:
        return True
    why = (made.stderr.strip() or made.stdout.strip() or "no reason was given").splitlines()[-1]
    required = os.environ.get("AUTOBAHN") == "required"
    assert not required, f"the suite could not be set up, and is required here:\n{made.stderr}"
    print(f"  NOT RUN: the Autobahn suite could not be set up on this machine: {why}")
    return False


def suite(role, peer, folder, cases):
    return subprocess.Popen(
        [VENV / "bin/python", "-W", "ignore", SUITE / "suite.py", role, str(peer), folder,
         "--cases", cases, "--seconds", "300"],
        text=True, stdout=subprocess.PIPE)


def judged(process, who):
    text = process.communicate(timeout=330)[0]
    assert process.returncode == 0, f"{who}, exit status {process.returncode}:\n{text}"
    print(f"  ok: {who}: {text.splitlines()[-1]}", flush=True)


def server_role(folder):
    with Server("--test-echo") as server:
        judged(suite("client", f"ws://{server.address}/echo", folder, f"{FAST},{DEFLATE},{SIZES}"),
               "our server")
        assert server.metric("deflates_total") == 0, "echoes count as market data"
        assert server.process.poll() is None


def client_role(folder):
    judge = suite("server", 0, folder, FAST)
    port = re.fullmatch(r"listening on (\d+)\n", judge.stdout.readline())
    assert port, "the suite does not listen"
    subprocess.run(
        [TICKBENCH, "echo", f"ws://127.0.0.1:{port[1]}"], check=True, stdout=subprocess.DEVNULL, timeout=300)
    judged(judge, "our client")


def loopback_only():
    """What has no limits is not for strangers."""
    status, _, errors = said(TICKERD, "--test-echo", "--listen", "0.0.0.0:0")
    assert status == 2 and "--test-echo serves on loopback only" in errors, errors
    with Server() as server:
        assert server.answer("/echo")[0] == 404, "/echo is there without --test-echo"
    print("  ok: no echo beyond loopback, and none unasked")


def main():
    loopback_only()
    if set_up():
        for role in (server_role, client_role):
            with tempfile.TemporaryDirectory() as folder:
                role(folder)


if __name__ == "__main__":
    try:
        main()
    except (AssertionError, subprocess.SubprocessError) as error:
        sys.exit(f"test_autobahn: {error}")
