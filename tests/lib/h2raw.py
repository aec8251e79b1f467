"""h2raw - a gRPC client that does what no library would: thousands of streams, floods, cuts, silence

Requests are written by hand; of the answers only the frames are read, not their headers.
"""
import socket
import ssl
import struct
import time

from terminal import LIMIT

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
ACK = END_STREAM = 1
END_HEADERS = 4
CANCEL = 8
SERVICE = "/coreweave.sandbox.v1.SandboxService/"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def field(name, value):
    """One header, literally."""
    name, value = name.encode(), value.encode()
    assert len(name) < 127 and len(value) < 127
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def message(data):
    return b"\0" + struct.pack(">I", len(data)) + data


def text(number, value):
    """A string, bytes or message field of protobuf."""
    value = value.encode() if isinstance(value, str) else value
    size, n = b"", len(value)
    while n >= 128:
        size, n = size + bytes([n & 127 | 128]), n >> 7
    return bytes([number << 3 | 2]) + size + bytes([n]) + value


def dial(service, alpn=True):
    """A connected socket, by TLS where the service's URL says so."""
    host, port = service.url.split("//")[1].rsplit(":", 1)
    plain = socket.create_connection((host, int(port)), LIMIT)
    if not service.ca_file:
        return plain
    context = ssl.create_default_context(cafile=service.ca_file)
    if alpn:
        context.set_alpn_protocols(["h2"])
    return context.wrap_socket(plain, server_hostname=host)


class H2:
    def __init__(self, service, key=None):
        self.socket = dial(service)
        self.key = service.key if key is None else key
        self.pending, self.next_id, self.gone = b"", 1, False
        self.seen = {}  # (stream, kind): how many frames
        self.data = {}  # stream: bytes of DATA
        self.ended = set()  # streams with END_STREAM or RST_STREAM
        self.goaway = None  # its error code
        window = struct.pack(">I", (1 << 31) - 1 - 65535)
        self.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0) + frame(WINDOW_UPDATE, 0, 0, window))

    def send(self, data):
        self.socket.sendall(data)

    def request(self, method, body, end=True, fields=()):
        """The frames of one call; its stream is `.next_id` before."""
        stream = self.next_id
        self.next_id += 2
        block = b"\x83\x86" + field(":path", SERVICE + method) + field(":authority", "localhost") + \
            field("content-type", "application/grpc") + field("te", "trailers")
        if self.key:
            block += field("authorization", "Bearer " + self.key)
        for name, value in fields:
            block += field(name, value)
        return frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, END_STREAM if end else 0, stream, message(body))

    def call(self, method, body, **kwargs):
        stream = self.next_id
        self.send(self.request(method, body, **kwargs))
        return stream

    def reset(self, streams):
        self.send(b"".join(frame(RST_STREAM, 0, s, struct.pack(">I", CANCEL)) for s in streams))

    # ---- what comes ----

    def read(self, seconds=LIMIT):
        """One piece of what the service says; False: nothing came, or it closed."""
        self.socket.settimeout(seconds)
        try:
            piece = self.socket.recv(1 << 18)
        except (TimeoutError, ssl.SSLError, OSError) as error:
            self.gone = not isinstance(error, TimeoutError)
            return False
        self.gone = not piece
        self.pending += piece
        at = 0
        while len(self.pending) - at >= 9:
            n = int.from_bytes(self.pending[at:at + 3], "big")
            if len(self.pending) - at < 9 + n:
                break
            self.take(self.pending[at + 3], self.pending[at + 4],
                      int.from_bytes(self.pending[at + 5:at + 9], "big"), self.pending[at + 9:at + 9 + n])
            at += 9 + n
        self.pending = self.pending[at:]
        return bool(piece)

    def take(self, kind, flags, stream, payload):
        self.seen[stream, kind] = self.seen.get((stream, kind), 0) + 1
        if kind == DATA:
            self.data[stream] = self.data.get(stream, 0) + len(payload)
        if kind == RST_STREAM or (kind in (DATA, HEADERS) and flags & END_STREAM):
            self.ended.add(stream)
        if kind == SETTINGS and not flags & ACK:
            self.send(frame(SETTINGS, ACK, 0))
        if kind == PING and not flags & ACK:
            self.send(frame(PING, ACK, 0, payload))
        if kind == GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], "big")

    def until(self, condition, what):
        deadline = time.monotonic() + LIMIT
        while not condition():
            assert time.monotonic() < deadline, "waited for " + what
            assert not self.gone or condition(), "the service closed while the client waited for " + what
            self.read(1)
        return self

    def finish(self, stream):
        return self.until(lambda: stream in self.ended, "the end of stream %d" % stream)

    def close(self):
        self.socket.close()
