#!/usr/bin/env python3
"""What a delivered message may cost the engine: no allocation and no retain, on any channel.

Counted, not timed: `tickbench count` in a release build, with bench/counts.c preloaded.
"""
import os
import pathlib
import shutil
import subprocess
import sys

from harness import ROOT

ROUNDS = 200  # milliseconds of the market


def build() -> tuple[pathlib.Path, pathlib.Path]:
    """The counters as a library, and a release build of tickbench."""
    compiler = shutil.which("cc") or shutil.which("clang")
    assert compiler, "a C compiler is needed: cc, or the toolchain's clang"
    library = ROOT / ".build" / "counts.so"
    subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", "-o", library, ROOT / "bench" / "counts.c", "-ldl"],
        check=True)
    subprocess.run([ROOT / "script" / "build", "release"], check=True, stdout=subprocess.DEVNULL,
                   stdin=subprocess.DEVNULL)
    return library, ROOT / ".build" / "release" / "tickbench"


def rows(table: str) -> list[dict[str, str]]:
    lines = [[cell.strip() for cell in line.strip("|").split("|")]
             for line in table.splitlines() if line.startswith("|")]
    names, bodies = lines[0], lines[2:]
    return [dict(zip(names, body)) for body in bodies]


def main() -> None:
    library, tickbench = build()
    table = subprocess.run(
        [tickbench, "count", "--subscribers", "100", "--rounds", str(ROUNDS)], check=True, text=True,
        capture_output=True, env=os.environ | {"LD_PRELOAD": str(library)}).stdout
    works = rows(table)
    assert len(works) == 20, f"20 works are counted, not {len(works)}:\n{table}"
    for work in works:
        name = f"{work['work']} ({work['encoding']})"
        assert int(work["messages"]) > 0, f"{name}: nothing was delivered"
        assert work["allocations"] == "0", f"{name}: {work['allocations']} allocations\n{table}"
        # Ten times a second a loop pins its figures where the others can read them.
        assert int(work["retains"]) <= ROUNDS // 100, f"{name}: {work['retains']} retains\n{table}"
    print(f"  ok: no allocation and no retain a message in {len(works)} works")


if __name__ == "__main__":
    try:
        main()
    except (AssertionError, subprocess.CalledProcessError) as error:
        sys.exit(f"test_costs: {error}")
