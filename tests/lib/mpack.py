"""mpack - the local protocol from Python: msgpack, and msgpack-RPC over the daemon's socket

Written from the msgpack specification, for tests: it also sends what a well-behaved library never would.
"""
import collections
import os
import socket
import struct


class RpcError(Exception):
    def __init__(self, error):
        super().__init__("%s: %s" % (error.get("code"), error.get("message")))
        self.error = error
        self.code = error.get("code")


def pack(value):
    if value is None:
        return b"\xc0"
    if value is True or value is False:
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return _pack_int(value)
    if isinstance(value, float):
        return struct.pack(">Bd", 0xCB, value)
    if isinstance(value, str):
        data = value.encode()
        return _head(len(data), 0xA0, 32, (0xD9, 0xDA, 0xDB)) + data
    if isinstance(value, (bytes, bytearray)):
        return _head(len(value), None, 0, (0xC4, 0xC5, 0xC6)) + bytes(value)
    if isinstance(value, (list, tuple)):
        return _head(len(value), 0x90, 16, (None, 0xDC, 0xDD)) + b"".join(map(pack, value))
    if isinstance(value, dict):
        return _head(len(value), 0x80, 16, (None, 0xDE, 0xDF)) + b"".join(
            pack(k) + pack(v) for k, v in value.items())
    raise TypeError(type(value))


def _pack_int(n):
    if 0 <= n < 128:
        return struct.pack("B", n)
    if -32 <= n < 0:
        return struct.pack("b", n)
    for low, high, tag, form in ((0, 0xFF, 0xCC, "B"), (0, 0xFFFF, 0xCD, "H"), (0, 0xFFFFFFFF, 0xCE, "I"),
                                 (0, (1 << 64) - 1, 0xCF, "Q"), (-(1 << 31), -1, 0xD2, "i"),
                                 (-(1 << 63), -1, 0xD3, "q")):
        if low <= n <= high:
            return struct.pack(">B" + form, tag, n)
    raise OverflowError(n)


def _head(n, fix, fix_max, tags):
    if fix is not None and n < fix_max:
        return struct.pack("B", fix | n)
    if tags[0] is not None and n < 1 << 8:
        return struct.pack(">BB", tags[0], n)
    if n < 1 << 16:
        return struct.pack(">BH", tags[1], n)
    return struct.pack(">BI", tags[2], n)


class Short(Exception):
    """More bytes are needed."""


class Unpacker:
    def __init__(self, data=b""):
        self.data = bytearray(data)

    def feed(self, data):
        self.data += data

    def next(self):
        """The next whole value; raises Short when it is not all there yet."""
        value, used = self._value(0)
        del self.data[:used]
        return value

    def _take(self, at, n):
        if at + n > len(self.data):
            raise Short
        return bytes(self.data[at:at + n]), at + n

    def _number(self, at, form):
        raw, at = self._take(at, struct.calcsize(form))
        return struct.unpack(">" + form, raw)[0], at

    FIXED = {0xC0: None, 0xC2: False, 0xC3: True}
    NUMBERS = {0xCA: "f", 0xCB: "d", 0xCC: "B", 0xCD: "H", 0xCE: "I", 0xCF: "Q",
               0xD0: "b", 0xD1: "h", 0xD2: "i", 0xD3: "q"}
    SIZED = {0xC4: ("B", "bin"), 0xC5: ("H", "bin"), 0xC6: ("I", "bin"), 0xD9: ("B", "str"), 0xDA: ("H", "str"),
             0xDB: ("I", "str"), 0xDC: ("H", "array"), 0xDD: ("I", "array"), 0xDE: ("H", "map"), 0xDF: ("I", "map")}

    def _value(self, at):
        tag, at = self._number(at, "B")
        if tag < 0x80:
            return tag, at
        if tag >= 0xE0:
            return tag - 256, at
        if tag in self.FIXED:
            return self.FIXED[tag], at
        if tag in self.NUMBERS:
            return self._number(at, self.NUMBERS[tag])
        if tag < 0x90:
            return self._body("map", tag & 15, at)
        if tag < 0xA0:
            return self._body("array", tag & 15, at)
        if tag < 0xC0:
            return self._body("str", tag & 31, at)
        form, kind = self.SIZED[tag]
        n, at = self._number(at, form)
        return self._body(kind, n, at)

    def _body(self, kind, n, at):
        if kind in ("str", "bin"):
            raw, at = self._take(at, n)
            return (raw.decode() if kind == "str" else raw), at
        items = []
        for _ in range(n * (2 if kind == "map" else 1)):
            item, at = self._value(at)
            items.append(item)
        return (dict(zip(items[::2], items[1::2])) if kind == "map" else items), at


class Peer:
    """A client of the daemon: requests with answers, notifications kept in `notes` as (method, params)."""

    def __init__(self, path, hello=None, limit=60):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(limit)
        self.sock.connect(path)
        self.unpacker = Unpacker()
        self.notes = collections.deque()
        self.answers = {}
        self.id = 0
        self.welcome = None
        if hello is not False:
            fields = {"min": 1, "max": 1, "client": "test", "pid": os.getpid()}
            fields.update(hello or {})
            self.welcome = self.call("hello", fields)

    def send(self, value):
        self.sock.sendall(pack(value))

    def send_raw(self, data):
        self.sock.sendall(data)

    def notify(self, method, params):
        self.send([2, method, [params]])

    def read_frame(self):
        """One frame, filed where it belongs; raises EOFError when the daemon has closed."""
        while True:
            try:
                frame = self.unpacker.next()
                break
            except Short:
                data = self.sock.recv(65536)
                if not data:
                    raise EOFError("the daemon closed the connection") from None
                self.unpacker.feed(data)
        self._file(frame)
        return frame

    def _file(self, frame):
        if frame[0] == 1:
            self.answers[frame[1]] = frame[2:]
        else:
            self.notes.append((frame[1], frame[2][0] if frame[2] else {}))

    def read_ready(self):
        """What one read of a readable socket brings: each frame that is whole then; nothing whole is left behind."""
        data = self.sock.recv(65536)
        if not data:
            raise EOFError("the daemon closed the connection")
        self.unpacker.feed(data)
        while True:
            try:
                self._file(self.unpacker.next())
            except Short:
                return

    def ask(self, method, params):
        self.id += 1
        self.send([0, self.id, method, [params]])
        return self.id

    def answer(self, number):
        while number not in self.answers:
            self.read_frame()
        error, result = self.answers.pop(number)
        if error is not None:
            raise RpcError(error)
        return result

    def call(self, method, params=None):
        return self.answer(self.ask(method, params or {}))

    def note(self, *methods):
        """The next notification of one of these methods; earlier others are dropped."""
        while True:
            while self.notes:
                method, params = self.notes.popleft()
                if method in methods:
                    return method, params
            self.read_frame()

    def close(self):
        self.sock.close()
