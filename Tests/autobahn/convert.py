#!/usr/bin/env python3
"""Turns the installed `autobahntestsuite`, which is Python 2, into Python 3: in place, once.

A string of the suite stays a `str` of which each character is an octet; it becomes `bytes`, and
comes back, only where a case meets the WebSocket protocol class. lib2to3, which Python had up to
3.12, converts the syntax. HTML reports are left out, JSON ones are kept.
"""
import os
import re
import sys
import sysconfig
from lib2to3.refactor import RefactoringTool

FIXERS = ["lib2to3.fixes.fix_" + n for n in (
    "print", "has_key", "xrange", "except", "raise", "dict", "idioms", "ne",
    "repr", "numliterals", "exec", "reduce")]

SHIM = '''# -*- coding: latin-1 -*-
import binascii, json

def b(x):
    if isinstance(x, str):
        return x.encode("latin-1")
    if isinstance(x, (list, tuple)):
        return b"".join(b(i) for i in x)
    return x

def s(x):
    if isinstance(x, (bytes, bytearray, memoryview)):
        return bytes(x).decode("latin-1")
    return x

def b2a_hex(x):
    return binascii.b2a_hex(b(x)).decode("ascii") if x is not None else None

def dumps(o, **kw):
    kw.setdefault("default", lambda v: s(v) if isinstance(v, (bytes, bytearray)) else repr(v))
    return json.dumps(o, **kw)
'''

TAIL = '''

from . import py3shim as _shim

def binLogData(data, maxlen = 64):
   data = _shim.b(data)
   h = _shim.b2a_hex(data[:maxlen])
   return h + " ..." if len(data) > maxlen else h

def asciiLogData(data, maxlen = 64, replace = False):
   try:
      data = _shim.b(data)
      cut = data[:maxlen].decode("utf8", "replace" if replace else "strict")
      return cut + " ..." if len(data) > maxlen else cut
   except Exception:
      return "0x" + binLogData(data, maxlen)

def _bytes_in(name, arg):
   base = getattr(WebSocketProtocol, name)
   import inspect
   pos = list(inspect.signature(base).parameters).index(arg) - 1
   def call(self, *a, **kw):
      if arg in kw:
         kw[arg] = _shim.b(kw[arg])
      elif len(a) > pos:
         a = a[:pos] + (_shim.b(a[pos]),) + a[pos + 1:]
      return base(self, *a, **kw)
   call.__name__ = name
   return call

for _n, _a in (("sendFrame", "payload"), ("sendMessage", "payload"),
               ("sendMessageFrameData", "payload"), ("sendMessageFrame", "payload"),
               ("sendPing", "payload"), ("sendPong", "payload"),
               ("sendCloseFrame", "reasonUtf8")):
   setattr(FuzzingProtocol, _n, _bytes_in(_n, _a))

def _onMessage(self, msg, binary):
   if self.runCase:
      # categories 12 and 13 work on octets; all others on one-octet characters
      raw = self.runCase.__class__.__name__.startswith(("Case12_", "Case13_"))
      self.runCase.onMessage(msg if raw else _shim.s(msg), binary)
FuzzingProtocol.onMessage = _onMessage

def _onPing(self, payload):
   # same as the base class (it answers with a pong)
   WebSocketProtocol.onPing(self, payload)
def _onPong(self, payload):
   if self.runCase:
      self.runCase.onPong(_shim.s(payload))
FuzzingProtocol.onPong = _onPong
'''


def convert(path, tool, package_dir, siblings):
    with open(path, "r", encoding="latin-1", newline="") as f:
        text = f.read().replace("\r\n", "\n")
    text = re.sub(r"(?m)^#.*coding[:=].*$\n", "", text, count=1)
    if not text.endswith("\n"):
        text += "\n"
    # style sheets of the HTML reports, not produced here
    text = re.sub(r"from report import (?:\w+,\s*\\\n\s*)*\w+\n", "", text)
    # implicit relative imports
    def rel(m):
        return "from ." + m.group(1) + " import" if m.group(1) in siblings else m.group(0)
    text = re.sub(r"(?m)^from (\w+) import", lambda m: rel(m), text)
    text = re.sub(r"(?m)^from \.case9_9_1 import.*$\n", "", text)  # not in the list of cases
    text = str(tool.refactor_string(text, path))
    text = text.replace("(object, Case, )", "(Case, )").replace("(object, Case)", "(Case, )")
    up = ".." if os.path.basename(os.path.dirname(path)) == "case" else "."
    text = re.sub(r"binascii\.(b2a_hex|hexlify)\(", "_py3shim.b2a_hex(", text)
    text = re.sub(r"\bjson\.dumps\(", "_py3shim.dumps(", text)
    text = text.replace("v.validate(vss[:i])", "v.validate(vss[:i].encode('latin-1'))")
    text = text.replace("len(self.payload) / self.p", "len(self.payload) // self.p")
    text = text.replace(".tostring()", ".tobytes().decode('latin-1')")
    text = text.replace("''.join(payload)", "b''.join(payload)")
    text = text.replace("pickle.dumps(obj1) == pickle.dumps(obj2)", "list(obj1) == list(obj2)")
    text = text.replace("produceHtml = True", "produceHtml = False")
    if os.path.basename(path) == "fuzzing.py":
        text += TAIL
    head = "# -*- coding: latin-1 -*-\n"
    if "_py3shim." in text:
        head += "from %s import py3shim as _py3shim\n" % up
    with open(path, "w", encoding="latin-1") as f:
        f.write(head + text)
    compile(head.encode("latin-1") + text.encode("latin-1"), path, "exec")


def main():
    pkg = os.path.join(sysconfig.get_paths()["purelib"], "autobahntestsuite")
    marker = os.path.join(pkg, "py3shim.py")
    if os.path.exists(marker):
        print("already converted")
        return
    tool = RefactoringTool(FIXERS)
    top = {"fuzzing", "caseset", "case", "util"}
    for name in ("_version.py", "fuzzing.py", "caseset.py"):
        convert(os.path.join(pkg, name), tool, pkg, top | {"_version"})
    cdir = os.path.join(pkg, "case")
    names = {n[:-3] for n in os.listdir(cdir) if n.endswith(".py")}
    for n in sorted(names - {"case9_9_1"}):
        convert(os.path.join(cdir, n + ".py"), tool, cdir, names)
    # one integer division of the pinned protocol library
    proto = os.path.join(os.path.dirname(pkg), "autobahn", "websocket", "protocol.py")
    with open(proto) as f:
        text = f.read()
    with open(proto, "w") as f:
        f.write(text.replace("payload_len / len(payload)", "payload_len // len(payload)"))
    with open(os.path.join(pkg, "__init__.py"), "w") as f:
        f.write("from ._version import __version__\nversion = __version__\n")
    with open(marker, "w") as f:
        f.write(SHIM)
    print("converted", pkg)


if __name__ == "__main__":
    sys.exit(main())
