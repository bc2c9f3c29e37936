"""The proxies of deploy/ in front of running servers: the files themselves, with a test's nodes, ports and certificate.

    with proxies.haproxy([one, two]) as url, proxies.nginx([one, two], tls="through") as other: ...
    with proxies.under(one, prefix="/feed/", upgrades=False) as url: ...

Nodes are `Server`s or ports of this machine. `tls`: None, nobody encrypts; "ends": here; "through": the nodes do.
What a file says is put in place of what it said by `put`, which fails when the file no longer says it.
"""

import contextlib
import os
import re
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness import AUTHORITY, CERTIFICATES, ROOT, free_port, listens, until

DEPLOY = ROOT / "deploy"
UNPACKED = ROOT / ".build/debian"


def program(variable, name):
    """As script/tools finds or unpacks it; the machine's own where a test is started by hand."""
    return os.environ.get(variable) or shutil.which(name) or str(UNPACKED / "usr/sbin" / name)


NGINX = program("NGINX_PROGRAM", "nginx")
HAPROXY = program("HAPROXY_PROGRAM", "haproxy")


def put(text, pattern, replacement, count=1):
    """The text with what the pattern finds replaced; it has to be there so many times."""
    changed, found = re.subn(pattern, lambda match: match.expand(replacement), text, flags=re.M)
    assert found == count, f"{pattern} stands there {found} times, not {count}"
    return changed


def put_nodes(text, nodes, address):
    """The first of the two lines that name a node, once for each of ours."""
    ports = [getattr(node, "port", node) for node in nodes]
    lines = re.findall(address, text, re.M)
    assert len(lines) == 2, lines
    number = iter(range(1, len(ports) + 1))
    ours = "\n".join(
        re.sub(r"10\.0\.0\.11:\d+", f"127.0.0.1:{port}", lines[0]).replace(" one ", f" node{next(number)} ")
        for port in ports)
    return text.replace("\n".join(lines), ours)


def nginx_settings(text, nodes, port, folder, tls):
    """nginx's file for this machine: `folder` in place of what root may write, and who runs it as its user."""
    text = put(text, r"^user .*\n", "")
    text = put(text, r"/run/nginx\.pid", f"{folder}/nginx.pid")
    text = put(text, r"/var/log/nginx/error\.log warn", "stderr crit")
    text = put(text, r"worker_rlimit_nofile \d+", f"worker_rlimit_nofile {descriptors()}")
    text = put_nodes(text, nodes, r"^ +server 10\.0\.0\.1[12]:.*")
    if tls == "through":
        text = put(text, r"^include .*modules-enabled.*\n", stream_module())
        return put(text, r"listen 443\b", f"listen 127.0.0.1:{port}")
    text = put(text, r"listen 443 ssl\b", f"listen 127.0.0.1:{port}" + (" ssl" if tls else ""))
    text = put(text, r"/etc/nginx/tickerfeed/fullchain\.pem", str(CERTIFICATES / "server.pem"))
    text = put(text, r"/etc/nginx/tickerfeed/privkey\.pem", str(CERTIFICATES / "server.key"))
    places = "".join(f"    {kind}_temp_path {folder}/{kind};\n"
                     for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return put(text, r"^http \{\n", "http {\n" + places)


def descriptors():
    """What the file asks for, or as many as this machine gives."""
    return min(65_536, resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def stream_module():
    """The line that loads it, where Debian's package is unpacked or installed; nothing where nginx has it built in."""
    for root in (UNPACKED, Path("/")):
        if (module := root / "usr/lib/nginx/modules/ngx_stream_module.so").exists():
            return f"load_module {module};\n"
    return ""


def haproxy_settings(text, nodes, port, folder, tls):
    text = put(text, r"log /dev/log local0 notice", "log stderr format raw local0 emerg")
    # The pair of sockets and pipes for 20,000 is more than a test's descriptors.
    text = put(text, r"maxconn 20000", "maxconn 2000")
    text = put_nodes(text, nodes, r"^ +server (?:one|two) 10\.0\.0\.1[12]:.*")
    if tls == "through":
        text = put(text, r"/etc/ssl/certs/ca-certificates\.crt", AUTHORITY)
        text = put(text, r"verifyhost feed\.example", "verifyhost localhost")
    if tls == "ends":
        both = "".join((CERTIFICATES / f"server.{part}").read_text() for part in ("pem", "key"))
        (Path(folder) / "tickerfeed.pem").write_text(both)
        return put(text, r"bind :443 ssl crt /etc/haproxy", f"bind 127.0.0.1:{port} ssl crt {folder}")
    return put(text, r"bind :443\b.*", f"bind 127.0.0.1:{port}")


@contextlib.contextmanager
def running(command, port):
    """Runs a proxy until it listens, and ends it."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        until(lambda: listens(port) or process.poll() is not None)
        assert process.poll() is None, f"{command[0]} did not start"
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def nginx(nodes, tls=None, change=lambda text: text):
    """nginx as deploy/ has it, `change`d once more; its address without a slash at the end."""
    port, file = free_port(), "nginx-passthrough.conf" if tls == "through" else "nginx.conf"
    with tempfile.TemporaryDirectory(prefix="tickerfeed-nginx-", ignore_cleanup_errors=True) as folder:
        settings = change((DEPLOY / file).read_text())
        (Path(folder) / file).write_text(nginx_settings(settings, nodes, port, folder, tls))
        with running([NGINX, "-p", folder, "-c", f"{folder}/{file}", "-e", "stderr", "-g", "daemon off;"], port):
            yield f"http{'s' if tls else ''}://127.0.0.1:{port}"


@contextlib.contextmanager
def under(node, prefix="/", upgrades=True, buffers=False, tls=None):
    """nginx as people run it, else as deploy/ has it; its address, which ends as the prefix does.

    - upgrades: False drops `Upgrade`, as a proxy does that was set up for pages.
    - buffers: True keeps answers back until there is enough of them, which streams do not survive.
    """
    def change(text):
        if prefix != "/":
            # What the file's last comment says to put in place of `location /`.
            shown = re.search(r"^#( +location )/md/( \{)\n#( +proxy_pass \S+;)$", text, re.M)
            text = put(text, r"^ +location / \{$", f"{shown[1]}{prefix}{shown[2]}")
            text = put(text, r"^ +proxy_pass http://tickerd;.*$", shown[3])
        if not upgrades:
            text = put(text, r"\$http_upgrade;", "'';")
            text = put(text, r"\$connection_upgrade;", "'';")
        if buffers:
            # Streams ask for not being held back; a proxy may be deaf to that.
            text = put(text, r"proxy_buffering off;", "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;")
        return text

    with nginx([node], tls, change) as url:
        yield url + prefix


@contextlib.contextmanager
def haproxy(nodes, tls=None, change=lambda text: text):
    """HAProxy as deploy/ has it, `change`d once more; its address without a slash at the end."""
    port, file = free_port(), "haproxy-passthrough.cfg" if tls == "through" else "haproxy.cfg"
    with tempfile.TemporaryDirectory(prefix="tickerfeed-haproxy-") as folder:
        settings = change((DEPLOY / file).read_text())
        (Path(folder) / file).write_text(haproxy_settings(settings, nodes, port, folder, tls))
        with running([HAPROXY, "-W", "-db", "-q", "-f", f"{folder}/{file}"], port):
            yield f"http{'s' if tls else ''}://127.0.0.1:{port}"


#: Both, for tests that hold for either.
ALL = {"nginx": nginx, "HAProxy": haproxy}
