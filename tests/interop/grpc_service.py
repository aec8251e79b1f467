"""grpc_service - a second sandbox service, so that two errors of ours cannot cancel out

It is written on grpcio with the official package's own messages and shares no line with the project: its HTTP/2,
TLS, framing and protobuf are others' work. It runs real processes on real PTYs, without isolation. Tests can
make it fail (`fail_next`), answer an exec themselves (`exec_hook`) and read what it was asked (`calls`).
"""
import base64
import collections
import concurrent.futures
import datetime
import fcntl
import ipaddress
import os
import pty
import queue
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import threading
import time
import uuid

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cwsandbox._proto import sandbox_pb2 as pb
from cwsandbox._proto import sandbox_pb2_grpc
from google.protobuf import any_pb2, duration_pb2, timestamp_pb2
from google.rpc import error_details_pb2, status_pb2

PREFIX = "/coreweave.sandbox.v1.SandboxService/"
FINAL = (pb.STATE_COMPLETED, pb.STATE_FAILED, pb.STATE_TERMINATED)
CHUNK = 16384
Call = collections.namedtuple("Call", "method metadata request")


def now():
    stamp = timestamp_pb2.Timestamp()
    stamp.GetCurrentTime()
    return stamp


def rich_status(code, message, reason=None, metadata=None, retry_after=None, violations=()):
    """The trailer google.rpc.Status of an error, as AIP-193 has it."""
    status = status_pb2.Status(code=code.value[0], message=message)
    details = []
    if reason:
        details.append(error_details_pb2.ErrorInfo(reason=reason, domain="cwsandbox.com", metadata=metadata or {}))
    if retry_after is not None:
        details.append(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(
            seconds=int(retry_after), nanos=int(retry_after % 1 * 1e9))))
    if violations:
        details.append(error_details_pb2.BadRequest(field_violations=[
            error_details_pb2.BadRequest.FieldViolation(field=f, description=d) for f, d in violations]))
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return (("grpc-status-details-bin", status.SerializeToString()),)


def refuse(context, code, message, **details):
    if details:
        context.set_trailing_metadata(rich_status(code, message, **details))
    context.abort(code, message)


class Box:
    """One sandbox: a folder, a main process and its output."""

    def __init__(self, folder, spec):
        self.id = "sb-" + uuid.uuid4().hex[:12]
        self.folder = os.path.join(folder, self.id)
        os.mkdir(self.folder)
        self.spec = spec
        self.status = pb.SandboxStatus(state=pb.STATE_CREATING, create_time=now(), start_time=now(),
                                       runner_id="runner-1", runner_group_id="group-1")
        self.status.container_statuses.add(name=spec.containers[0].name, state=pb.STATE_RUNNING)
        self.log_path = os.path.join(folder, self.id + ".log")
        main = spec.containers[0]
        with open(self.log_path, "wb") as log:
            self.main = subprocess.Popen([main.command] + list(main.args), stdin=subprocess.DEVNULL, stdout=log,
                                         stderr=log, cwd=self.folder, env=self.environment(), start_new_session=True)
        self.gets = 0
        self.groups = set()

    def environment(self, extra=()):
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": self.folder, "TMPDIR": self.folder, "LANG": "C.UTF-8",
               "TERM": "xterm-256color"}
        env.update(self.spec.containers[0].environment_variables)
        env.update(extra)
        return env

    def proto(self, settle):
        """As GetSandbox shows it; each look moves a passing state on."""
        self.gets += settle
        if self.status.state == pb.STATE_CREATING and self.gets > 1:
            self.status.state = pb.STATE_RUNNING
        elif self.status.state == pb.STATE_TERMINATING and self.gets > 1:
            self.status.state = pb.STATE_TERMINATED
        elif self.status.state == pb.STATE_RUNNING and self.main.poll() is not None:
            self.status.state = pb.STATE_COMPLETED if self.main.returncode == 0 else pb.STATE_FAILED
            self.status.exit_code = shell_code(self.main.returncode)
        return pb.Sandbox(sandbox_id=self.id, spec=self.spec, status=self.status)

    def stop(self):
        self.status.state, self.gets = pb.STATE_TERMINATING, 0
        self.end()

    def end(self):
        for group in [self.main.pid] + list(self.groups):
            try:
                os.killpg(group, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.main.wait()


def shell_code(returncode):
    return 128 - returncode if returncode < 0 else returncode


class Running:
    """One command of StreamExec: its frames in `out`, closed by None."""

    def __init__(self, box, init):
        self.out = queue.Queue(64)
        self.tty = init.tty
        self.gone = threading.Event()
        argv = list(init.command)
        options = dict(cwd=box.folder, env=box.environment(init.env.items()))
        if init.tty:
            self.input, slave = pty.openpty()
            self.resize(init.tty_width or 80, init.tty_height or 24)
            self.process = subprocess.Popen(["setsid", "--ctty"] + argv, stdin=slave, stdout=slave, stderr=slave,
                                            **options)
            os.close(slave)
            sources = [(self.input, pb.ExecStreamOutput.STREAM_STDOUT)]
        else:
            self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.PIPE, bufsize=0, start_new_session=True, **options)
            self.input = os.dup(self.process.stdin.fileno())
            self.process.stdin.close()
            sources = [(self.process.stdout.fileno(), pb.ExecStreamOutput.STREAM_STDOUT),
                       (self.process.stderr.fileno(), pb.ExecStreamOutput.STREAM_STDERR)]
        self.readers = [threading.Thread(target=self._read, args=s, daemon=True) for s in sources]
        for reader in self.readers:
            reader.start()
        threading.Thread(target=self._finish, daemon=True).start()

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

    def _read(self, fd, stream):
        while True:
            try:
                data = os.read(fd, CHUNK)
            except OSError:
                data = b""
            if not data:
                return
            self._put(pb.ExecStreamResponse(output=pb.ExecStreamOutput(stream=stream, data=data)))

    def _finish(self):
        self.process.wait()
        for reader in self.readers:
            reader.join()
        self._put(pb.ExecStreamResponse(exit=pb.ExecStreamExit(
            exit_code=shell_code(self.process.returncode), completed_time=now())))
        self._put(None)

    def resize(self, cols, rows):
        if self.tty:
            fcntl.ioctl(self.input, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def feed(self, requests):
        """Takes the client's frames until it has no more."""
        try:
            for request in requests:
                kind = request.WhichOneof("message")
                if kind == "stdin":
                    self._write(request.stdin)
                elif kind == "resize":
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
        while data and self.input >= 0:
            try:
                data = data[os.write(self.input, data):]
            except OSError:
                return

    def _close_input(self):
        if self.tty:
            self._write(b"\x04")
        elif self.input >= 0:
            os.close(self.input)
            self.input = -1

    def kill(self):
        self.gone.set()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Servicer(sandbox_pb2_grpc.SandboxServiceServicer):
    def __init__(self, key):
        self.key = key
        self.folder = tempfile.mkdtemp(prefix="cws-grpc-")
        self.boxes = {}
        self.calls = []
        self.faults = collections.defaultdict(list)
        self.exec_hook = None
        self.page_size = 2
        self.requests = {}
        self.running = []

    # ---- what every call passes ----

    def fail_next(self, method, code, message="made to fail", **details):
        self.faults[method].append((code, message, details))

    def enter(self, method, request, context):
        metadata = dict(context.invocation_metadata())
        self.calls.append(Call(method, metadata, request))
        if self.key is not None and metadata.get("authorization") != "Bearer " + self.key:
            refuse(context, grpc.StatusCode.UNAUTHENTICATED, "the key is not valid")
        if self.faults[method]:
            code, message, details = self.faults[method].pop(0)
            refuse(context, code, message, **details)

    def box(self, sandbox_id, context):
        if sandbox_id not in self.boxes:
            refuse(context, grpc.StatusCode.NOT_FOUND, "sandbox not found", reason="CWSANDBOX_SANDBOX_NOT_FOUND",
                   metadata={"sandbox_id": sandbox_id})
        return self.boxes[sandbox_id]

    def running_box(self, sandbox_id, context):
        box = self.box(sandbox_id, context)
        if box.status.state not in (pb.STATE_RUNNING, pb.STATE_PAUSED):
            refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "the sandbox is not running")
        return box

    # ---- sandboxes ----

    def CreateSandbox(self, request, context):
        self.enter("CreateSandbox", request, context)
        if request.request_id in self.requests:
            return self.boxes[self.requests[request.request_id]].proto(0)
        if not request.sandbox.spec.containers:
            refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "bad sandbox", violations=[
                ("sandbox.spec.containers", "at least one is needed")])
        spec = pb.SandboxSpec()
        spec.CopyFrom(request.sandbox.spec)
        box = Box(self.folder, spec)
        self.boxes[box.id] = box
        if request.request_id:
            self.requests[request.request_id] = box.id
        return box.proto(0)

    def GetSandbox(self, request, context):
        self.enter("GetSandbox", request, context)
        return self.box(request.sandbox_id, context).proto(1)

    def ListSandboxes(self, request, context):
        self.enter("ListSandboxes", request, context)
        rows = [b for b in self.boxes.values() if set(request.tags) <= set(b.spec.tags)]
        rows = [b for b in rows if request.state in (pb.STATE_UNSPECIFIED, b.proto(0).status.state)]
        rows = [b for b in rows if not request.runner_ids or b.status.runner_id in request.runner_ids]
        if not request.show_terminated and request.state not in FINAL:
            rows = [b for b in rows if b.status.state not in FINAL]
        start = int(base64.b64decode(request.page_token)) if request.page_token else 0
        size = min(request.page_size or self.page_size, self.page_size)
        more = start + size < len(rows)
        return pb.ListSandboxesResponse(
            sandboxes=[b.proto(0) for b in rows[start:start + size]],
            next_page_token=base64.b64encode(b"%d" % (start + size)).decode() if more else "")

    def DeleteSandbox(self, request, context):
        self.enter("DeleteSandbox", request, context)
        if request.allow_missing and request.sandbox_id not in self.boxes:
            return pb.DeleteSandboxResponse()
        box = self.box(request.sandbox_id, context)
        if box.status.state not in FINAL:
            box.stop()
        return pb.DeleteSandboxResponse(sandbox=box.proto(0))

    # ---- what runs in them ----

    def StreamExec(self, requests, context):
        first = next(requests, None)
        self.enter("StreamExec", first, context)
        if first is None or first.WhichOneof("message") != "init":
            refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "the first message must be init")
        box = self.running_box(first.init.sandbox_id, context)
        if self.exec_hook:
            yield from self.exec_hook(first.init, requests, context)
            return
        try:
            command = Running(box, first.init)
        except OSError as err:
            refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "cannot start %s: %s" % (first.init.command[0], err))
        self.running.append(command)
        box.groups.add(command.process.pid)
        context.add_callback(command.kill)
        yield pb.ExecStreamResponse(ready=pb.ExecStreamReady(ready_time=now()))
        threading.Thread(target=command.feed, args=(requests,), daemon=True).start()
        yield from command.frames()

    def StreamLogs(self, request, context):
        self.enter("StreamLogs", request, context)
        box = self.box(request.sandbox_id, context)
        session, offset = uuid.uuid4().hex, 0
        with open(box.log_path, "rb") as log:
            if request.tail_lines:
                lines = log.read().splitlines(keepends=True)
                log.seek(sum(map(len, lines[:-request.tail_lines])))
            while context.is_active():
                data = log.read(CHUNK)
                if data:
                    offset += len(data)
                    yield pb.LogEntry(data=data, log_session_id=session, next_log_offset=offset, timestamp=now())
                elif not request.follow or box.proto(0).status.state != pb.STATE_RUNNING:
                    return
                else:
                    time.sleep(0.05)

    def WriteFile(self, request, context):
        self.enter("WriteFile", request, context)
        box = self.running_box(request.sandbox_id, context)
        try:
            with open(os.path.join(box.folder, request.path), "wb") as f:
                f.write(request.content)
        except OSError as err:
            self._file_error(err, context)
        return pb.WriteFileResponse()

    def ReadFile(self, request, context):
        self.enter("ReadFile", request, context)
        box = self.running_box(request.sandbox_id, context)
        try:
            with open(os.path.join(box.folder, request.path), "rb") as f:
                return pb.ReadFileResponse(content=f.read())
        except OSError as err:
            return self._file_error(err, context)

    def _file_error(self, err, context):
        reason = {FileNotFoundError: "NOT_FOUND", IsADirectoryError: "IS_DIRECTORY",
                  PermissionError: "PERMISSION_DENIED"}.get(type(err), "IO_FAILED")
        refuse(context, grpc.StatusCode.NOT_FOUND if reason == "NOT_FOUND" else grpc.StatusCode.FAILED_PRECONDITION,
               err.strerror, reason="CWSANDBOX_FILE_" + reason)

    def close(self):
        for command in self.running:
            command.kill()
        for box in self.boxes.values():
            box.end()
        shutil.rmtree(self.folder, ignore_errors=True)


class Authority:
    """A certificate authority and one server certificate, made for one run."""

    def __init__(self, folder):
        self.ca_file = os.path.join(folder, "grpc-ca.pem")
        ca_key, self.key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "interop test CA")])
        ca = self._sign(ca_name, ca_name, ca_key.public_key(), ca_key, [
            (x509.BasicConstraints(ca=True, path_length=0), True)])
        leaf = self._sign(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")]), ca_name,
                          self.key.public_key(), ca_key, [(x509.SubjectAlternativeName([
                              x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)])
        pem = serialization.Encoding.PEM
        self.certificate = leaf.public_bytes(pem)
        self.key_pem = self.key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        with open(self.ca_file, "wb") as f:
            f.write(ca.public_bytes(pem))

    @staticmethod
    def _sign(subject, issuer, public_key, issuer_key, extensions):
        start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
                   .serial_number(x509.random_serial_number()).not_valid_before(start)
                   .not_valid_after(start + datetime.timedelta(days=2)))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(issuer_key, hashes.SHA256())


class GrpcService:
    """The running server: `url`, `key`, `ca_file` for clients, `servicer` for tests."""

    def __init__(self, folder, tls=True, key="interop-key"):
        self.key = key
        self.servicer = Servicer(key)
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(64), options=[
            ("grpc.max_receive_message_length", 100 << 20), ("grpc.max_send_message_length", 100 << 20),
            ("grpc.so_reuseport", 0)])
        sandbox_pb2_grpc.add_SandboxServiceServicer_to_server(self.servicer, self.server)
        self.ca_file = None
        if tls:
            authority = Authority(folder)
            self.ca_file = authority.ca_file
            credentials = grpc.ssl_server_credentials([(authority.key_pem, authority.certificate)])
            port = self.server.add_secure_port("127.0.0.1:0", credentials)
        else:
            port = self.server.add_insecure_port("127.0.0.1:0")
        self.url = "%s://127.0.0.1:%d" % ("https" if tls else "http", port)
        self.server.start()

    def stop(self):
        self.server.stop(grace=0).wait(10)
        self.servicer.close()
