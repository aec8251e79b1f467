"""grpc_log - what a container's main process wrote, when, and the sessions of those who read it"""
import bisect
import datetime
import os
import threading
import time
import uuid

from cwsandbox._proto import sandbox_pb2 as pb

from grpc_status import now

CHUNK = 16384


class Log:
    """Bytes with the time of their arrival; `changed` wakes who follows."""

    def __init__(self):
        self.data = bytearray()
        self.offsets, self.times = [], []
        self.ended = False
        self.changed = threading.Condition()

    def take(self, fd):
        """Reads a pipe to its end, in a thread."""
        threading.Thread(target=self._take, args=(fd,), daemon=True).start()

    def _take(self, fd):
        data = True
        while data:
            data = os.read(fd, CHUNK)
            with self.changed:
                self.offsets.append(len(self.data))
                self.times.append(time.time())
                self.data += data
                self.ended = not data
                self.changed.notify_all()
        os.close(fd)

    def time_of(self, offset):
        return self.times[bisect.bisect_right(self.offsets, offset) - 1]

    def start(self, tail_lines, since):
        """The offset of the first byte that was asked for."""
        lines = bytes(self.data).splitlines(keepends=True)
        starts, at = [], 0
        for line in lines:
            starts.append(at)
            at += len(line)
        if since is not None:
            starts = [s for s in starts if self.time_of(s) >= since]
        if tail_lines:
            starts = starts[-tail_lines:]
        return starts[0] if starts else len(self.data)


class LogSession:
    """One reader's stream: what it was sent, so that it can be taken up again at any byte of that."""

    def __init__(self, log, request, planted):
        self.id = uuid.uuid4().hex
        self.log, self.planted = log, planted
        self.stamped = request.timestamps and "log-stamps-missing" not in planted
        since = request.since_time.ToMicroseconds() / 1e6 if request.HasField("since_time") else None
        tail = request.tail_lines + ("log-tail-off-by-one" in planted and request.tail_lines > 0)
        with log.changed:
            self.pos = log.start(tail, since)
        self.sent = bytearray()
        self.at_line_start = True

    def entry(self, offset, data):
        return pb.LogEntry(data=data, log_session_id=self.id, next_log_offset=offset + len(data), timestamp=now())

    def stream(self, offset, follow, active):
        """Entries from `offset` of this session on."""
        if "log-resume-off-by-one" in self.planted and offset:
            offset -= 1
        if offset < len(self.sent):
            yield self.entry(offset, bytes(self.sent[offset:]))
        while active():
            data = self._next()
            if data:
                yield self.entry(len(self.sent) - len(data), data)
            elif not follow or self.log.ended:
                return
            else:
                with self.log.changed:
                    self.log.changed.wait(0.1)

    def _next(self):
        with self.log.changed:
            data = bytes(self.log.data[self.pos:self.pos + CHUNK])
        if self.stamped:
            data = self._stamp(data)
        else:
            self.pos += len(data)
        self.sent += data
        return data

    def _stamp(self, data):
        out = b""
        for line in data.splitlines(keepends=True):
            if self.at_line_start:
                at = datetime.datetime.fromtimestamp(self.log.time_of(self.pos), datetime.timezone.utc)
                out += at.strftime("%Y-%m-%dT%H:%M:%S.%fZ ").encode()
            out += line
            self.at_line_start = line.endswith(b"\n")
            self.pos += len(line)
        return out


def error_entry(code, message):
    return pb.LogEntry(error=pb.LogStreamError(code=code, message=message))
