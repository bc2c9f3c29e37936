#!/usr/bin/env python3
"""Runs the Autobahn suite against one peer.

  suite.py client URL FOLDER [--cases 1.*,2.*] [--exclude 9.*]    it plays the client, to a server
  suite.py server PORT FOLDER [--cases 1.*,2.*] [--exclude 9.*]   it plays the server, to one client

FOLDER gets index.json and a file a case. The last line printed is
  passed=N failed=N nonstrict=N informational=N unimplemented=N badclose=N cases=N
Exit status 1 where a case failed, closed wrongly, was not run or was not implemented.
"""
import argparse
import collections
import json
import logging
import os
import sys
import time
import warnings

warnings.filterwarnings("ignore")

# Closed in time, or in a way that the specification leaves open.
GOOD_CLOSES = ("OK", "INFORMATIONAL")


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=("client", "server"))
    parser.add_argument("peer")
    parser.add_argument("folder")
    parser.add_argument("--cases", default="*")
    parser.add_argument("--exclude", default="")
    parser.add_argument("--seconds", type=float, default=3_600, help="the most it may last")
    return parser.parse_args()


def specification(asked):
    return {
        "outdir": asked.folder,
        "options": {"failByDrop": False},
        "cases": asked.cases.split(","),
        "exclude-cases": [word for word in asked.exclude.split(",") if word],
        "exclude-agent-cases": {},
        "servers": [{"agent": "tickerfeed", "url": asked.peer}],
        "url": f"ws://127.0.0.1:{asked.peer}",
    }


def run(asked):
    """Plays the suite's part to the end, or to the end of its time. What it says goes to a file."""
    import txaio
    txaio.use_twisted()
    from twisted.internet import reactor
    import autobahntestsuite.fuzzing as fuzzing

    reports = os.path.join(asked.folder, "run.log")
    with open(reports, "w") as sys.stdout:
        if asked.role == "client":
            factory = fuzzing.FuzzingClientFactory(specification(asked), False)
        else:
            factory = fuzzing.FuzzingServerFactory(specification(asked), False)
            port = reactor.listenTCP(int(asked.peer), factory, interface="127.0.0.1")
            print(f"listening on {port.getHost().port}", file=sys.__stdout__, flush=True)
            write = factory.createReports

            def finish(**words):
                write(**words)
                reactor.callLater(0.5, reactor.stop)  # the client's last closing handshake

            factory.createReports = finish

        def stop():
            factory.createReports()
            if asked.role == "client":
                reactor.stop()

        limit = reactor.callLater(asked.seconds, stop)
        reactor.run()
    sys.stdout = sys.__stdout__
    if limit.active():
        limit.cancel()
    return len(factory.specCases)


def numbers(case):
    return [int(word) for word in case.split(".")]


def judge(results, expected):
    """Prints what went wrong, and the counts. True when nothing did."""
    by_verdict = collections.defaultdict(list)
    closes = []
    for case in sorted(results, key=numbers):
        by_verdict[results[case]["behavior"]].append(case)
        if results[case]["behaviorClose"] not in GOOD_CLOSES:
            closes.append(f"{case} ({results[case]['behaviorClose']})")
    for verdict in ("FAILED", "NON-STRICT", "UNIMPLEMENTED"):
        if by_verdict[verdict]:
            print(f"{verdict}: {' '.join(by_verdict[verdict])}")
    if closes:
        print(f"BAD CLOSE: {' '.join(closes)}")
    missing = expected - len(results)
    if missing:
        print(f"NOT RUN: {missing} of {expected}")
    count = {name: len(cases) for name, cases in by_verdict.items()}
    print("passed=%d failed=%d nonstrict=%d informational=%d unimplemented=%d badclose=%d cases=%d" % (
        *(count.get(name, 0) for name in ("OK", "FAILED", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED")),
        len(closes), len(results)))
    return bool(results) and not (by_verdict["FAILED"] or by_verdict["UNIMPLEMENTED"] or closes or missing)


def main():
    asked = options()
    os.makedirs(asked.folder, exist_ok=True)
    began = time.monotonic()
    expected = run(asked)
    index = os.path.join(asked.folder, "index.json")
    results = {}
    if os.path.exists(index):
        with open(index) as file:
            results = json.load(file).get("tickerfeed", {})
    print(f"seconds={time.monotonic() - began:.0f}")
    return 0 if judge(results, expected) else 1


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    sys.exit(main())
