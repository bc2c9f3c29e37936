#!/usr/bin/env python3
"""The other files of deploy/: the unit's promises, what Prometheus asks and alerts on, the image, who quotes them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import sandbox
from harness import (CERTIFICATES, ROOT, TICKERD, Server, after, certificate, connected, fetch, free_port, listen,
                     run_tests, secure, trusting, until)

DEPLOY = ROOT / "deploy"
UNIT = (DEPLOY / "tickerd.service").read_text()
ANALYZE = os.environ.get("SYSTEMD_ANALYZE") or shutil.which("systemd-analyze")
PROMTOOL = os.environ.get("PROMTOOL") or shutil.which("promtool")
#: systemd-analyze's exposure, in tenths: 0 is none, 100 all. It was 12 when this was written.
EXPOSURE_MAX = 15


def said(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **more)
    return done.returncode, done.stdout + done.stderr


async def systemd_finds_no_fault_in_the_unit():
    if not ANALYZE:
        print("--  no systemd-analyze here: the unit is not looked through", flush=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        unit = Path(folder) / "tickerd.service"
        # verify looks whether the program is there.
        unit.write_text(UNIT.replace("/usr/local/bin/tickerd", os.path.abspath(TICKERD)))
        status, text = said(ANALYZE, "verify", "--man=no", str(unit))
        assert status == 0 and "tickerd.service" not in text, text
        status, text = said(ANALYZE, "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", str(unit))
        assert status == 0, text
        assert re.search(r"Overall exposure level for tickerd.service: [01]\.\d OK", text), text


async def the_unit_waits_longer_than_the_drain():
    drain = int(re.search(r"--drain SECONDS .*default (\d+)\)", said(TICKERD, "--help")[1])[1])
    assert int(sandbox.settings(UNIT, "TimeoutStopSec")[0]) > drain + 1
    assert sandbox.settings(UNIT, "ExecReload") == ["/bin/kill -HUP $MAINPID"]
    assert sandbox.settings(UNIT, "KillSignal") == ["SIGTERM"]


class Confined(Server):
    """tickerd with the unit's system calls and no others."""

    def limit(self):
        super().limit()
        sandbox.confine(UNIT, ANALYZE)()


async def what_tickerd_does_all_day_passes_the_units_filter():
    if sandbox.library() is None or not ANALYZE:
        print("--  no libseccomp.so.2 or no systemd-analyze here: the unit's filter is not tried", flush=True)
        return
    apply = sandbox.confine(UNIT, ANALYZE)
    for crime in ("os.setuid(0)", "os.chroot('/')", "socket.socket(16, 3)", "mmap.mmap(-1, 4096, prot=7)"):
        program = f"import mmap, os, socket; {crime}"
        status = subprocess.run([sys.executable, "-c", program], preexec_fn=apply).returncode
        assert status == -signal.SIGSYS, (crime, status)
    with tempfile.TemporaryDirectory() as folder:
        options = ["--record", f"{folder}/journal", "--record-sync", "second", "--loops", "2", "--admin", "127.0.0.1:0",
                   "--max-memory", "2G", *certificate()]
        with Confined(*options, descriptors=4_096, tls=trusting()) as server:
            async with connected(server, ssl=trusting()) as client, connected(server, "sbe", ssl=trusting()) as binary:
                for one in (client, binary):
                    await one.subscribe("book", ["*"], depth=10, rate=20)
                await listen([client, binary], after(1.5))
                assert client.counts and binary.counts and not client.breaks
            server.process.send_signal(signal.SIGHUP)
            assert server.get("/readyz") == "ready\n" and "symbols" in server.get("/v1/symbols")
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(10) == 0, "it ends as it should"
        assert said(TICKERD, "journal", "verify", f"{folder}/journal")[0] == 0


async def prometheus_reads_its_files():
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "token").write_text("t" * 20)
        shutil.copy(DEPLOY / "alerts.yml", folder)
        settings = (DEPLOY / "prometheus.yml").read_text()
        file = Path(folder) / "prometheus.yml"
        file.write_text(settings.replace("/etc/prometheus/tickerfeed.token", f"{folder}/token"))
        status, text = said(PROMTOOL, "check", "config", str(file))
        assert status == 0 and "rules found" in text, text
    status, text = said(PROMTOOL, "test", "rules", str(DEPLOY / "alerts.test.yml"))
    assert status == 0, text


async def prometheus_scrapes_over_tls_with_a_token():
    """prometheus.yml as it is, but for addresses, paths and the pace. The program is beside promtool, mostly."""
    program = os.path.join(os.path.dirname(PROMTOOL), "prometheus")
    if not os.path.exists(program):
        print("--  promtool without prometheus here: nothing is scraped", flush=True)
        return
    with tempfile.TemporaryDirectory(prefix="tickerfeed-prometheus-") as folder:
        (Path(folder) / "token").write_text("0123456789abcdef0123\n")
        with secure("--admin", "0.0.0.0:0", "--admin-token-file", f"{folder}/token") as server:
            settings = (DEPLOY / "prometheus.yml").read_text()
            port = server.admin.split(":")[1]
            for old, new in (("scrape_interval: 15s", "scrape_interval: 1s"),
                             ("  - alerts.yml", f"  - {DEPLOY}/alerts.yml"),
                             ("/etc/prometheus/tickerfeed.token", f"{folder}/token"), ("feed.example", "localhost"),
                             ("# ca_file: /etc/prometheus/authority.pem", f"ca_file: {CERTIFICATES}/authority.pem"),
                             ("10.0.0.11:7401, 10.0.0.12:7401", f"'127.0.0.1:{port}'")):
                assert old in settings, old
                settings = settings.replace(old, new)
            (Path(folder) / "prometheus.yml").write_text(settings)
            port = free_port()
            with subprocess.Popen([program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                                   f"--web.listen-address=127.0.0.1:{port}"], stderr=subprocess.DEVNULL) as prometheus:
                try:
                    for name, value in ("up", "1"), ("tickerfeed_symbols", "24"), ("tickerfeed_feed_faulty", "0"):
                        until(lambda: scraped(port, name) == [value], otherwise=lambda: (name, scraped(port, name)))
                finally:
                    prometheus.kill()


def scraped(port, name):
    """What Prometheus says of it; None as long as it does not answer."""
    try:
        status, _, text = fetch(f"http://127.0.0.1:{port}/api/v1/query?query={name}")
    except OSError:
        return None
    return [each["value"][1] for each in json.loads(text)["data"]["result"]] if status == 200 else None


def names_in(text):
    """Metrics that rules and their tests speak of."""
    return set(re.findall(r"\b(?:tickerfeed|process)_\w+", text))


async def every_metric_of_the_alerts_is_scraped_as_prometheus_yml_says():
    """And each value of a label that they ask for is there from the start."""
    settings = (DEPLOY / "prometheus.yml").read_text()
    assert "scheme: https" in settings and "credentials_file:" in settings
    alerts = (DEPLOY / "alerts.yml").read_text()
    # With a recorder: what only shows where there is one.
    with tempfile.TemporaryDirectory() as folder:
        with Server("--record", f"{folder}/journal", "--admin", "127.0.0.1:0") as server:
            async with connected(server) as client:
                await client.subscribe("quote", ["AAPL"], rate=10)
                await listen([client], after(0.5))
            _, _, page = fetch(f"http://{server.admin}/metrics")
    families = set(re.findall(r"^# TYPE (\w+)", page, re.M))
    samples = set(re.findall(r"^(\w+)", page, re.M)) - {"#"}
    for name in names_in("".join(re.findall(r"expr:.*(?:\n {12,}.*)*", alerts))):
        assert name in samples or name.removesuffix("_total") in families, f"no {name} in /metrics"
    for label, values in re.findall(r'\{(\w+)=~?"([^"]+)"\}', alerts):
        for value in values.split("|"):
            assert value == "tickerfeed" or f'{label}="{value}"' in page, (label, value)


async def alerts_name_their_file_and_what_to_do():
    settings, alerts = (DEPLOY / "prometheus.yml").read_text(), (DEPLOY / "alerts.yml").read_text()
    assert "- alerts.yml" in settings
    assert re.search(r"job_name: (\w+)", settings)[1] == "tickerfeed"
    assert set(re.findall(r'job="(\w+)"', alerts)) == {"tickerfeed"}
    for block in alerts.split("- alert: ")[1:]:
        assert "summary:" in block and "action:" in block and re.search(r"severity: (page|ticket)", block), block


async def the_image_is_of_this_tree():
    text = (DEPLOY / "Dockerfile").read_text()
    assert "USER 7400:7400" in text and "COPY . ." in text
    joined = text.replace("\\\n", "")
    entry, command = (json.loads(re.search(rf"^{word} (\[.*\])", joined, re.M)[1]) for word in ("ENTRYPOINT", "CMD"))
    options = [*entry[1:], *command]
    options = [re.sub(r":740[01]$", ":0", word) for word in options]
    status, text = said(TICKERD, *options, "--check-config")
    assert status == 0 and "configuration is fine" in text, text
    with Server("--admin", "127.0.0.1:0") as server:
        check = json.loads(re.search(r"^HEALTHCHECK .*? CMD (\[.*\])", joined, re.M)[1])
        check = [word.replace("7401", server.admin.split(":")[1]) for word in check]
        until(lambda: subprocess.run(check, stderr=subprocess.DEVNULL).returncode == 0, 5, "never healthy")
    assert subprocess.run(check, stderr=subprocess.DEVNULL).returncode != 0, "healthy without a server"
    # All that Package.swift names goes along, and no key.
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    assert kept[1] == "*" and {"!Package.swift", "!Sources", "!Tests", "!script", "Tests/certificates"} <= set(kept)


async def documents_quote_what_is_there():
    file = "\n".join(re.sub(r"\s+#.*", "", line).strip() for line in (DEPLOY / "nginx.conf").read_text().splitlines())
    blocks = re.findall(r"^```nginx\n(.*?)^```", (ROOT / "docs/OPERATING.md").read_text(), re.M | re.S)
    assert blocks
    for line in "".join(blocks).splitlines():
        assert line.strip() in file, f"{line} is not in deploy/nginx.conf"
    readme = (DEPLOY / "README.md").read_text()
    for path in DEPLOY.iterdir():
        assert path.name == "README.md" or path.name in readme, f"deploy/README.md does not name {path.name}"


run_tests([
    systemd_finds_no_fault_in_the_unit, the_unit_waits_longer_than_the_drain,
    what_tickerd_does_all_day_passes_the_units_filter, prometheus_reads_its_files,
    prometheus_scrapes_over_tls_with_a_token,
    every_metric_of_the_alerts_is_scraped_as_prometheus_yml_says, alerts_name_their_file_and_what_to_do,
    the_image_is_of_this_tree, documents_quote_what_is_there,
])
