"""nginx between a client and tickerd, as people run it: a prefix, buffering, no WebSocket; else as deploy/nginx.conf.

    with Nginx(server.port, prefix="/feed/", upgrades=False) as proxy:
        page = await chromium.open(proxy.url)
"""

import os
import re
import signal
import tempfile
from pathlib import Path

import proxies
from proxies import NGINX, free_port, put

__all__ = ["NGINX", "Nginx", "free_port"]


def under_prefix(text, prefix):
    """What the file's last comment says to put in place of `location /`."""
    shown = re.search(r"^#( +location )/md/( \{)\n#( +proxy_pass \S+;)$", text, re.M)
    text = put(text, r"^ +location / \{$", f"{shown[1]}{prefix}{shown[2]}")
    return put(text, r"^ +proxy_pass http://tickerd;.*$", shown[3])


class Nginx:
    """
    - upstream: tickerd's port.
    - upgrades: False drops `Upgrade`, as a proxy does that was set up for pages.
    - buffers: True keeps answers back until there is enough of them, which streams do not survive.
    - tls: None, or "ends": https then, with the tests' certificate.
    """

    def __init__(self, upstream, prefix="/", upgrades=True, buffers=False, tls=None):
        self.upstream, self.prefix, self.upgrades, self.buffers = upstream, prefix, upgrades, buffers
        self.tls, self.port = tls, free_port()

    @property
    def url(self):
        return proxies.url_of(self.port, self.tls) + self.prefix

    def configure(self):
        text = (proxies.DEPLOY / "nginx.conf").read_text()
        if self.prefix != "/":
            text = under_prefix(text, self.prefix)
        if not self.upgrades:
            text = put(text, r"\$http_upgrade;", "'';")
            text = put(text, r"\$connection_upgrade;", "'';")
        if self.buffers:
            # Streams ask for not being held back; a proxy may be deaf to that.
            text = put(text, r"proxy_buffering off;", "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;")
        text = proxies.nginx_settings(text, [self.upstream], self.port, self.folder, self.tls)
        (self.folder / "nginx.conf").write_text(text)

    def __enter__(self):
        assert os.path.exists(NGINX), "no nginx: apt-get install nginx"
        self.temporary = tempfile.TemporaryDirectory(prefix="tickerfeed-nginx-", ignore_cleanup_errors=True)
        self.folder = Path(self.temporary.name)
        self.configure()
        self.proxy = proxies.running(proxies.nginx_command(self.folder, "nginx.conf"), self.port)
        self.process = self.proxy.__enter__()
        return self

    def change(self, **changes):
        """Other rules from now on; connections there are stay under the old ones."""
        for name, value in changes.items():
            setattr(self, name, value)
        self.configure()
        self.process.send_signal(signal.SIGHUP)

    def __exit__(self, *_):
        self.proxy.__exit__(None, None, None)
        self.temporary.cleanup()
