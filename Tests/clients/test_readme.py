#!/usr/bin/env python3
"""What the README shows runs as it stands there: its Python programs, against a server of their own."""

import re
import subprocess
import sys

from harness import ROOT, Server

SHOWN = [r"(AAPL|MSFT) \d+\.\d+ \d+\.\d+ version \d+", r"AAPL bids \[\(\d+\.\d+, \d+\), .*\]"]


def lines(program, count):
    with subprocess.Popen([sys.executable, "-u", "-c", program], stdout=subprocess.PIPE, text=True) as running:
        try:
            return [running.stdout.readline() for _ in range(count)]
        finally:
            running.kill()


def main():
    programs = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert len(programs) == len(SHOWN), f"{len(programs)} programs in the README"
    with Server() as server:
        for program, shown in zip(programs, SHOWN):
            assert "127.0.0.1:7400" in program
            for line in lines(program.replace("127.0.0.1:7400", server.address), 3):
                assert re.fullmatch(shown + "\n", line), line
            print(f"ok  {len(program.splitlines())} lines of the README run", flush=True)


main()
