"""nginx between a client and tickerd, as people run it: a prefix, TLS, buffering, no WebSocket.

    with Nginx(server.port, prefix="/feed/", upgrades=False) as proxy:
        page = await chromium.open(proxy.url)
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

#: As script/tools finds or unpacks it.
NGINX = os.environ.get("NGINX_PROGRAM") or shutil.which("nginx") or str(
    Path(__file__).resolve().parents[2] / ".build/debian/usr/sbin/nginx")

CONFIGURATION = """
daemon off;
master_process on;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    server {{
        listen 127.0.0.1:{port}{ssl};
        {certificate}
        location {prefix} {{
            proxy_pass http://127.0.0.1:{upstream}/;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header Upgrade {upgrade};
            proxy_set_header Connection {connection};
            proxy_buffering {buffering};
            {ignored}
            proxy_read_timeout 1h;
        }}
    }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Nginx:
    """
    - upstream: tickerd's port.
    - upgrades: False drops `Upgrade`, as a proxy does that was set up for pages.
    - buffers: True keeps answers back until there is enough of them, which streams do not survive.
    - certificate: (certificate, key) files; serves https then.
    """

    def __init__(self, upstream, prefix="/", upgrades=True, buffers=False, certificate=None):
        self.upstream, self.prefix, self.upgrades, self.buffers = upstream, prefix, upgrades, buffers
        self.certificate = certificate
        self.port = free_port()

    @property
    def url(self):
        return f"http{'s' if self.certificate else ''}://127.0.0.1:{self.port}{self.prefix}"

    def configure(self):
        certificate = "ssl_certificate {}; ssl_certificate_key {};".format(*self.certificate) \
            if self.certificate else ""
        (self.folder / "nginx.conf").write_text(CONFIGURATION.format(
            folder=self.folder, port=self.port, ssl=" ssl" if self.certificate else "", certificate=certificate,
            prefix=self.prefix, upstream=self.upstream, buffering="on" if self.buffers else "off",
            # Streams ask for not being held back; a proxy may be deaf to that.
            ignored="proxy_ignore_headers X-Accel-Buffering;" if self.buffers else "",
            upgrade="$http_upgrade" if self.upgrades else "''",
            connection="$connection_upgrade" if self.upgrades else "''"))

    def __enter__(self):
        assert os.path.exists(NGINX), "no nginx: apt-get install nginx"
        self.temporary = tempfile.TemporaryDirectory(prefix="tickerfeed-nginx-", ignore_cleanup_errors=True)
        self.folder = Path(self.temporary.name)
        self.configure()
        self.process = subprocess.Popen(
            [NGINX, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), "-e", "stderr"],
            stdin=subprocess.DEVNULL)
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            assert self.process.poll() is None, "nginx did not start"

    def change(self, **changes):
        """Other rules from now on; connections there are stay under the old ones."""
        for name, value in changes.items():
            setattr(self, name, value)
        self.configure()
        self.process.send_signal(signal.SIGHUP)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.temporary.cleanup()
