"""grpc_process - a command of the independent service: pipes or a PTY, its frames, its end"""
import errno
import fcntl
import os
import pty
import queue
import select
import signal
import struct
import subprocess
import termios
import threading

import grpc
from cwsandbox._proto import sandbox_pb2 as pb

from grpc_status import now

CHUNK = 16384
DRAIN = 0.05  # seconds without a byte after the end: what is in the pipes has been read


def shell_code(returncode):
    return 128 - returncode if returncode < 0 else returncode


def not_started(error):
    """What a shell would say and end with."""
    code = 127 if error.errno == errno.ENOENT else 126
    yield pb.ExecStreamResponse(ready=pb.ExecStreamReady(ready_time=now()))
    yield pb.ExecStreamResponse(output=pb.ExecStreamOutput(
        stream=pb.ExecStreamOutput.STREAM_STDERR, data=("cannot run it: %s\n" % error.strerror).encode()))
    yield pb.ExecStreamResponse(exit=pb.ExecStreamExit(exit_code=code, completed_time=now()))


class Running:
    """One command of StreamExec: its frames in `out`, closed by None. OSError when it cannot be started."""

    def __init__(self, argv, options, init, planted=frozenset()):
        self.planted = planted
        self.out = queue.Queue(64)
        self.tty = init.tty
        self.gone, self.ended = threading.Event(), threading.Event()
        self.lock = threading.Lock()
        self.input = -1
        sources = self._on_terminal(argv, options, init) if init.tty else self._on_pipes(argv, options)
        self.readers = [threading.Thread(target=self._read, args=s, daemon=True) for s in sources]
        for reader in self.readers:
            reader.start()
        threading.Thread(target=self._finish, daemon=True).start()

    def _on_terminal(self, argv, options, init):
        self.input, slave = pty.openpty()
        self.resize(init.tty_width or 80, init.tty_height or 24)
        try:
            self.process = subprocess.Popen(["setsid", "--ctty"] + argv, stdin=slave, stdout=slave, stderr=slave,
                                            **options)
        finally:
            os.close(slave)
        return [(os.dup(self.input), pb.ExecStreamOutput.STREAM_STDOUT)]

    def _on_pipes(self, argv, options):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        bufsize=0, start_new_session=True, **options)
        self.input = os.dup(self.process.stdin.fileno())
        self.process.stdin.close()
        streams = [pb.ExecStreamOutput.STREAM_STDOUT, pb.ExecStreamOutput.STREAM_STDERR]
        if "streams-merged" in self.planted:
            streams[1] = streams[0]
        pipes = [os.dup(p.fileno()) for p in (self.process.stdout, self.process.stderr)]
        self.process.stdout.close()
        self.process.stderr.close()
        return list(zip(pipes, streams))

    # ---- to the client ----

    def _put(self, item):
        while not self.gone.is_set():
            try:
                return self.out.put(item, timeout=0.2)
            except queue.Full:
                pass
        return None

    def frames(self):
        """What there is to send, until the end or until nobody wants it any more."""
        while not self.gone.is_set():
            try:
                frame = self.out.get(timeout=0.2)
            except queue.Empty:
                continue
            if frame is None:
                return
            yield frame

    def _chunks(self, fd):
        """Until the pipe's end, or until the program has left and nothing more is in it."""
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        while not self.gone.is_set():
            ended = self.ended.is_set()
            if not poll.poll(DRAIN * 1000):
                if ended:
                    return
                continue
            try:
                data = os.read(fd, CHUNK)
            except OSError:
                return
            if not data:
                return
            yield data

    def _faulty(self, chunks):
        held = None
        for i, data in enumerate(chunks):
            if "chunk-doubled" in self.planted and i == 1:
                yield data
            if held is not None:
                yield held
            held = data
        if held is not None and not ("last-chunk-lost" in self.planted and i):
            yield held

    def _read(self, fd, stream):
        chunks = self._chunks(fd)
        if self.planted & {"chunk-doubled", "last-chunk-lost"}:
            chunks = self._faulty(chunks)
        for data in chunks:
            self._put(pb.ExecStreamResponse(output=pb.ExecStreamOutput(stream=stream, data=data)))
        os.close(fd)

    def _finish(self):
        self.process.wait()
        self.ended.set()
        for reader in self.readers:
            reader.join()
        code = shell_code(self.process.returncode)
        if "exit-code-wrong" in self.planted and code:
            code = 1
        self._put(pb.ExecStreamResponse(exit=pb.ExecStreamExit(exit_code=code, completed_time=now())))
        self._put(None)
        self._drop_input()

    # ---- from the client ----

    def resize(self, cols, rows):
        with self.lock:
            if self.tty and self.input >= 0:
                fcntl.ioctl(self.input, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def feed(self, requests):
        """Takes the client's frames until it has no more."""
        try:
            for request in requests:
                kind = request.WhichOneof("message")
                if kind == "stdin":
                    self._write(request.stdin)
                elif kind == "resize" and "resize-ignored" not in self.planted:
                    self.resize(request.resize.width, request.resize.height)
                elif kind == "close":
                    self._close_input()
            if not self.tty:
                self._close_input()  # half-closed: no more input can come
        except grpc.RpcError:
            self.kill()
        except Exception:  # grpcio raises a bare Exception when the call was cancelled
            self.kill()

    def _write(self, data):
        while data and self.input >= 0 and not self.ended.is_set():
            try:
                data = data[os.write(self.input, data):]
            except OSError:
                return

    def _close_input(self):
        if self.tty and "tty-close-hangs-up" in self.planted:
            self._signal(signal.SIGHUP)
        elif self.tty:
            self._write(b"\x04")
        elif "stdin-end-lost" not in self.planted:
            self._drop_input()

    def _drop_input(self):
        with self.lock:
            if self.input >= 0:
                os.close(self.input)
                self.input = -1

    def _signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def kill(self):
        self.gone.set()
        if "cancel-ignored" not in self.planted and not self.ended.is_set():
            self._signal(signal.SIGKILL)
