"""Terminals for tickwatch: a pty with it alone or with a shell on it, and what its bytes would show, cell by cell."""

import codecs
import contextlib
import fcntl
import os
import pty
import re
import resource
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time
from pathlib import Path

from harness import TICKWATCH

TOKEN = re.compile(r"\x1b\[(\??)([\d;]*)([A-Za-z])|\x1b\[?\??[\d;]*$|.", re.S)


class Screen:
    """What a terminal shows. It knows what tickwatch is meant to write, and fails a test that sees more."""

    def __init__(self, columns, rows):
        #: Private modes that are on: 25 is the cursor, 7 the wrapping of lines.
        self.modes = {7, 25}
        #: Every parameter that chose a look.
        self.looks = set()
        self.rest = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.resize(columns, rows)

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.clear()

    def clear(self):
        self.cells = [[" "] * self.columns for _ in range(self.rows)]
        self.row = self.column = 0

    @property
    def lines(self):
        return ["".join(line).rstrip() for line in self.cells]

    @property
    def text(self):
        return "\n".join(self.lines)

    def feed(self, data):
        text = self.rest + self.decoder.decode(data)
        self.rest = ""
        for token in TOKEN.finditer(text):
            if token[3]:
                self.obey(token[3], token[1], [int(number or 0) for number in token[2].split(";")])
            elif token[0][0] != "\x1b":
                self.put(token[0])
            else:
                assert token.end() == len(text), f"not a sequence of ours: {text[token.start():][:20]!r}"
                self.rest = token[0]

    def obey(self, final, private, numbers):
        if private:
            assert final in "hl", (final, numbers)
            (self.modes.add if final == "h" else self.modes.discard)(numbers[0])
            if numbers[0] == 1049:
                self.clear()
        elif final == "H":
            self.row, self.column = numbers[0] - 1 if numbers[0] else 0, (numbers[1] - 1 if len(numbers) > 1 else 0)
        elif final == "C":
            self.column += numbers[0] or 1
        elif final == "K":
            if self.row < self.rows:
                self.cells[self.row][self.column:] = " " * (self.columns - self.column)
        elif final == "J":
            assert numbers == [2], numbers
            self.clear()
        else:
            assert final == "m", (final, numbers)
            self.looks.add(tuple(numbers))

    def put(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.row += 1
            if self.row >= self.rows > 0:
                self.cells = self.cells[1:] + [[" "] * self.columns]
                self.row = self.rows - 1
        elif character == "\b":
            self.column -= 1
        elif character != "\a":
            assert character >= " ", f"a control character: {character!r}"
            # What was painted for another size falls beside this one.
            if self.row < self.rows and self.column < self.columns:
                self.cells[self.row][self.column] = character
            self.column += 1


class Terminal:
    """tickwatch on a terminal of its own, with a home where there is nothing. Its output is read by `until`."""

    def __init__(self, *arguments, columns=80, rows=24, home=None, **environment):
        self.folder = None if home else tempfile.TemporaryDirectory(prefix="tickwatch-home-")
        self.home = str(home or self.folder.name)
        self.environment = clean(self.home, TERM="xterm-256color") | environment
        self.master, self.slave = pty.openpty()
        self.screen = Screen(columns, rows)
        self.set_size(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        #: All there ever was.
        self.output = b""
        self.began = time.monotonic()
        self.start(arguments)

    def start(self, arguments):
        self.process = subprocess.Popen(
            [TICKWATCH, *arguments], stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True,
            env=self.environment, preexec_fn=as_from_a_terminal)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for descriptor in self.master, self.slave:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        if self.folder:
            self.folder.cleanup()

    @property
    def watcher(self):
        """The number of tickwatch's process."""
        return self.process.pid

    @property
    def configuration(self):
        return Path(self.home) / "tickwatch/config"

    def set_size(self, columns, rows):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self.master, keys.encode())

    def read(self, seconds):
        """What comes within so long, or nothing."""
        if select.select([self.master], [], [], seconds)[0]:
            data = os.read(self.master, 65_536)
            self.output += data
            self.screen.feed(data)
            return data
        return b""

    def until(self, wanted, seconds=15):
        """Reads until the screen matches a pattern, or something else is so. Returns the match."""
        end = time.monotonic() + seconds
        while not (found := re.search(wanted, self.screen.text) if isinstance(wanted, str) else wanted()):
            left = end - time.monotonic()
            assert left > 0, f"{wanted} never came; the screen is\n{self.screen.text}"
            self.read(min(left, 0.05))
        return found

    def is_back(self):
        """The terminal is as it was before tickwatch."""
        modes = self.screen.modes
        return modes == {7, 25} and termios.tcgetattr(self.slave) == self.before

    def ends(self, status=0):
        self.until(lambda: self.process.poll() is not None)
        while self.read(0):
            pass
        assert self.process.returncode == status, (self.process.returncode, self.screen.text)
        assert b"\x1b[?1049l" in self.output and self.screen.modes == {7, 25}, f"not given back: {self.screen.modes}"
        assert termios.tcgetattr(self.slave) == self.before, "the terminal's mode was not restored"


class Shell(Terminal):
    """bash on a terminal that it controls, for what only a shell does: jobs."""

    def start(self, _):
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "--noediting", "-i"], stdin=self.slave, stdout=self.slave,
            stderr=self.slave, start_new_session=True, env=self.environment | {"PS1": "ready> ", "HISTFILE": ""},
            preexec_fn=lambda: (as_from_a_terminal(), fcntl.ioctl(0, termios.TIOCSCTTY, 0)))
        self.until(r"ready>\n*$")
        self.before = termios.tcgetattr(self.slave)

    @property
    def watcher(self):
        for child in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            with contextlib.suppress(OSError):
                if os.path.samefile(f"/proc/{child}/exe", TICKWATCH):
                    return int(child)
        return None


def clean(home, **more):
    """An environment without what would lead tickwatch elsewhere or colour it otherwise."""
    return {"PATH": os.environ["PATH"], "HOME": home, "XDG_CONFIG_HOME": home, "LANG": "C.UTF-8",
            "SWIFT_BACKTRACE": "enable=no"} | more


#: For programs that want no terminal, and a home where there is nothing.
HOME = tempfile.TemporaryDirectory(prefix="tickwatch-home-")
ENVIRONMENT = clean(HOME.name)


def as_from_a_terminal():
    """No core files, and ^C and ^\\ mean what they do: a shell's background job was started with both ignored."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in signal.SIGINT, signal.SIGQUIT:
        signal.signal(number, signal.SIG_DFL)


def state(pid):
    """R, S, T, …; None when it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return None


def busy(pid):
    """Seconds of CPU that it has taken."""
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
