"""grpc_service - a second sandbox service, so that two errors of ours cannot cancel out

It is written on grpcio with the official package's own messages and shares no line with the project: its HTTP/2,
TLS, framing and protobuf are others' work. It runs real processes on real PTYs, without isolation. Tests can
make it fail (`fail_next`), answer an exec themselves (`exec_hook`) and read what it was asked (`calls`). With
`planted` it has known faults, so that the checks can be checked.
"""
import base64
import collections
import concurrent.futures
import errno
import os
import queue
import shutil
import tempfile
import threading

import grpc
from cwsandbox._proto import sandbox_data_plane_pb2_grpc, sandbox_pb2_grpc
from cwsandbox._proto import sandbox_pb2 as pb

from grpc_box import ACTIVE, FINAL, Box, violations
from grpc_direct import Authority, Connecting, DataPlane
from grpc_log import LogSession, error_entry
from grpc_process import Running, not_started
from grpc_snapshots import Snapshots
from grpc_status import Refusing, now

PREFIX = "/coreweave.sandbox.v1.SandboxService/"
FILE_MAX = 32 << 20
EXEC_OUTPUT_MAX = 1 << 20  # bytes of each stream, of an Exec that names no limit
Call = collections.namedtuple("Call", "method metadata request")

# Every fault that can be planted, in words.
FAULTS = {
    "exit-code-wrong": "a command's code other than 0 becomes 1",
    "last-chunk-lost": "the last piece of a longer output is not sent",
    "chunk-doubled": "the second piece of an output is sent twice",
    "streams-merged": "stderr is sent as stdout",
    "stdin-end-lost": "the end of a command's input does not reach it",
    "tty-close-hangs-up": "closing a terminal's input hangs up instead of an end-of-file",
    "resize-ignored": "a terminal keeps its first size",
    "cancel-ignored": "the program of a cancelled call goes on",
    "env-lost": "the variables of an exec are not set",
    "container-ignored": "a container that does not exist is taken for the first",
    "log-tail-off-by-one": "one line more than asked for",
    "log-stamps-missing": "lines without the time that was asked for",
    "log-resume-off-by-one": "a resumed log repeats a byte",
    "reason-wrong": "a missing file is an input/output error",
    "details-missing": "errors come without their details in the trailers",
    "file-cut": "a file of a mebibyte or more is read without its last byte",
    "file-limit-unsaid": "what is too large is refused without size and limit",
    "request-id-forgotten": "the same creation again makes another sandbox",
    "page-repeats": "a page begins with the last of the page before",
    "tags-any": "one tag that matches is enough",
    "stop-stamps-a-code": "a stopped sandbox has an exit code",
    "restore-misses-a-file": "a restored volume lacks its last file",
    "certificate-unchecked": "a certificate is good for every sandbox and call",
}


class Servicer(Snapshots, Connecting, sandbox_pb2_grpc.SandboxServiceServicer):
    def __init__(self, key, planted=frozenset()):
        unknown = set(planted) - set(FAULTS)
        assert not unknown, "no such fault: %s" % unknown
        Snapshots.__init__(self)
        Connecting.__init__(self)
        self.key, self.planted = key, frozenset(planted)
        self.folder = tempfile.mkdtemp(prefix="cws-grpc-")
        self.boxes = {}
        self.calls = []
        self.faults = collections.defaultdict(list)
        self.exec_hook = None
        self.page_size = 2
        self.requests = {}
        self.log_sessions = {}
        self.stream_errors = queue.Queue()  # codes for streams that run

    # ---- what every call passes ----

    def fail_next(self, method, code, message="made to fail", **details):
        self.faults[method].append((code, message, details))

    def enter(self, method, request, context):
        metadata = dict(context.invocation_metadata())
        self.calls.append(Call(method, metadata, request))
        if self.key is not None and metadata.get("authorization") != "Bearer " + self.key:
            self.refuse(context, grpc.StatusCode.UNAUTHENTICATED, "the key is not valid")
        if self.faults[method]:
            code, message, details = self.faults[method].pop(0)
            self.refuse(context, code, message, **details)

    def box(self, sandbox_id, context):
        if sandbox_id not in self.boxes:
            self.refuse(context, grpc.StatusCode.NOT_FOUND, "sandbox not found",
                        reason="CWSANDBOX_SANDBOX_NOT_FOUND", metadata={"sandbox_id": sandbox_id})
        return self.boxes[sandbox_id]

    def running_box(self, sandbox_id, context):
        box = self.box(sandbox_id, context)
        if box.status.state not in ACTIVE:
            self.refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "the sandbox is not running")
        return box

    def container(self, box, name, context):
        found = box.container(name)
        if not found:
            self.invalid(context, ("container", "no such container"))
        return found

    def page(self, rows, request):
        """The page of `rows` that was asked for, and the next one's token."""
        start = int(base64.b64decode(request.page_token)) if request.page_token else 0
        size = min(request.page_size or self.page_size, self.page_size)
        after = start + size
        more = after < len(rows)
        if "page-repeats" in self.planted and start:
            start -= 1
        return rows[start:after], base64.b64encode(b"%d" % after).decode() if more else ""

    # ---- sandboxes ----

    def CreateSandbox(self, request, context):
        self.enter("CreateSandbox", request, context)
        known = self.requests.get(request.request_id)
        if known and known[1] != request.SerializeToString(deterministic=True):
            self.refuse(context, grpc.StatusCode.ALREADY_EXISTS, "used for another request",
                        reason="CWSANDBOX_REQUEST_ID_CONFLICT")
        if known:
            return self.boxes[known[0]].proto(0)
        wrong = list(violations(request.sandbox.spec))
        if wrong:
            self.invalid(context, *wrong)
        box = self._new_box(request.sandbox.spec, context)
        if request.request_id and "request-id-forgotten" not in self.planted:
            self.requests[request.request_id] = (box.id, request.SerializeToString(deterministic=True))
        return box.proto(0)

    def _new_box(self, asked, context):
        spec = pb.SandboxSpec()
        spec.CopyFrom(asked)
        find = self.ready_archive(context)
        for volume in spec.volumes:
            if volume.scratch.restore_from_snapshot_id:
                find(volume.scratch.restore_from_snapshot_id)
        box = Box(self.folder, spec, self.planted)
        box.mount(find)
        box.start()
        self.boxes[box.id] = box
        return box

    def GetSandbox(self, request, context):
        self.enter("GetSandbox", request, context)
        return self.box(request.sandbox_id, context).proto(1)

    def ListSandboxes(self, request, context):
        self.enter("ListSandboxes", request, context)
        if request.page_size < 0:
            self.invalid(context, ("page_size", "must not be negative"))
        matches = set(request.tags).issubset
        if "tags-any" in self.planted and request.tags:
            matches = set(request.tags).intersection
        rows = [b for b in self.boxes.values() if matches(b.spec.tags)]
        rows = [b for b in rows if request.state in (pb.STATE_UNSPECIFIED, b.proto(0).status.state)]
        rows = [b for b in rows if not request.runner_ids or b.status.runner_id in request.runner_ids]
        if not request.show_terminated and request.state not in FINAL:
            rows = [b for b in rows if b.proto(0).status.state not in FINAL]
        if request.sort_direction != pb.SORT_DIRECTION_ASCENDING:
            rows.reverse()  # newest first
        rows, token = self.page(rows, request)
        return pb.ListSandboxesResponse(sandboxes=[b.proto(0) for b in rows], next_page_token=token)

    def DeleteSandbox(self, request, context):
        self.enter("DeleteSandbox", request, context)
        if request.allow_missing and request.sandbox_id not in self.boxes:
            return pb.DeleteSandboxResponse()
        box = self.box(request.sandbox_id, context)
        made = []
        if request.snapshot_volumes:
            made = self.archive_volumes(box, request.snapshot_volumes, pb.SNAPSHOT_TRIGGER_ON_DELETE,
                                        request.request_id, context)
        box.stop(request.grace_period_seconds)
        return pb.DeleteSandboxResponse(sandbox=box.proto(0), file_system_snapshot_ids=[a.id for a in made])

    # ---- commands ----

    def StreamExec(self, requests, context):
        yield from self.stream_exec(requests, context, None)

    def stream_exec(self, requests, context, admit):
        first = next(requests, None)
        sandbox_id = first.init.sandbox_id if first else ""
        if admit:
            admit("StreamExec", sandbox_id, context)
        else:
            self.enter("StreamExec", first, context)
        if first is None or first.WhichOneof("message") != "init":
            self.invalid(context, ("message", "the first must be init"))
        box = self.running_box(sandbox_id, context)
        if self.exec_hook:
            yield from self.exec_hook(first.init, requests, context)
            return
        try:
            command = self.start(box, first.init, context)
        except OSError as err:
            yield from not_started(err)
            return
        context.add_callback(command.kill)
        yield pb.ExecStreamResponse(ready=pb.ExecStreamReady(ready_time=now()))
        threading.Thread(target=command.feed, args=(requests,), daemon=True).start()
        for frame in command.frames():
            yield frame
            if not self.stream_errors.empty():
                yield pb.ExecStreamResponse(error=pb.ExecStreamError(
                    code=self.stream_errors.get(), message="ended on request"))
                return

    def start(self, box, init, context):
        if not init.command:
            self.invalid(context, ("command", "must name a program"))
        container = self.container(box, init.container, context)
        command = Running(list(init.command), box.options(container, init.env.items()), init, self.planted)
        box.commands.append(command)
        return command

    def Exec(self, request, context):
        self.enter("Exec", request, context)
        return self.exec_once(request, context)

    def exec_once(self, request, context):
        box = self.running_box(request.sandbox_id, context)
        init = pb.ExecStreamInit(command=request.command, env=request.env, container=request.container)
        try:
            command = self.start(box, init, context)
            command.feed(())
            frames = command.frames()
            context.add_callback(command.kill)
        except OSError as err:
            frames = not_started(err)
        out = {pb.ExecStreamOutput.STREAM_STDOUT: bytearray(), pb.ExecStreamOutput.STREAM_STDERR: bytearray()}
        code = 0
        for frame in frames:
            if frame.HasField("output"):
                out[frame.output.stream] += frame.output.data
            code = frame.exit.exit_code
        stdout, stderr = out.values()
        most = request.max_output_bytes or EXEC_OUTPUT_MAX
        return pb.ExecResponse(
            stdout=bytes(stdout[:most]), stderr=bytes(stderr[:most]), exit_code=code,
            stdout_truncated=len(stdout) > most, stderr_truncated=len(stderr) > most,
            stdout_bytes_produced=len(stdout), stderr_bytes_produced=len(stderr))

    # ---- logs ----

    def StreamLogs(self, request, context):
        self.enter("StreamLogs", request, context)
        yield from self.stream_logs(request, context)

    def stream_logs(self, request, context):
        box = self.box(request.sandbox_id, context)
        container = self.container(box, request.container, context)
        if not request.resume_log_session_id:
            session = LogSession(box.logs[container.name], request, self.planted)
            self.log_sessions[session.id] = session
            yield from self._interrupted(session.stream(0, request.follow, self._until_error(context)))
            return
        if not request.follow or request.tail_lines or request.HasField("since_time") or request.timestamps:
            self.invalid(context, ("resume_log_session_id", "needs follow, and nothing else"))
        session = self.log_sessions.get(request.resume_log_session_id)
        if not session:
            yield error_entry("SESSION_NOT_FOUND", "there is no such log session")
        elif request.resume_log_offset > len(session.sent):
            yield error_entry("INVALID_RESUME_OFFSET", "that was never sent")
        else:
            yield from self._interrupted(session.stream(request.resume_log_offset, True, self._until_error(context)))

    def _until_error(self, context):
        return lambda: context.is_active() and self.stream_errors.empty()

    def _interrupted(self, entries):
        """Those, and the error that ended them, if one did."""
        yield from entries
        try:
            yield error_entry(self.stream_errors.get_nowait(), "interrupted on request")
        except queue.Empty:
            pass

    # ---- files ----

    def WriteFile(self, request, context):
        self.enter("WriteFile", request, context)
        return self.write_file(request, context)

    def write_file(self, request, context):
        box = self.running_box(request.sandbox_id, context)
        self.container(box, request.container, context)
        path = self._path(box, request, context)
        if len(request.content) > FILE_MAX:
            self._too_large(len(request.content), context)
        try:
            _regular(path)
            with open(path, "wb") as f:
                f.write(request.content)
        except OSError as err:
            self._file_error(err, context)
        return pb.WriteFileResponse()

    def ReadFile(self, request, context):
        self.enter("ReadFile", request, context)
        return self.read_file(request, context)

    def read_file(self, request, context):
        box = self.running_box(request.sandbox_id, context)
        self.container(box, request.container, context)
        path = self._path(box, request, context)
        try:
            _regular(path)
            with open(path, "rb") as f:
                size = os.fstat(f.fileno()).st_size
                if size > FILE_MAX:
                    self._too_large(size, context)
                content = f.read()
        except OSError as err:
            self._file_error(err, context)
        if "file-cut" in self.planted and len(content) >= 1 << 20:
            content = content[:-1]
        return pb.ReadFileResponse(content=content)

    def _path(self, box, request, context):
        if not request.path or "\0" in request.path:
            self.invalid(context, ("path", "must be set"))
        return os.path.join(box.folder, request.path)

    def _too_large(self, size, context):
        said = {"size_bytes": str(size), "max_size_bytes": str(FILE_MAX)}
        if "file-limit-unsaid" in self.planted:
            said = {}
        self.refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "the file is larger than %d bytes" % FILE_MAX,
                    reason="CWSANDBOX_FILE_TOO_LARGE", metadata=said)

    def _file_error(self, err, context):
        code, reason = {
            FileNotFoundError: (grpc.StatusCode.NOT_FOUND, "NOT_FOUND"),
            NotADirectoryError: (grpc.StatusCode.NOT_FOUND, "NOT_FOUND"),
            IsADirectoryError: (grpc.StatusCode.FAILED_PRECONDITION, "IS_DIRECTORY"),
            PermissionError: (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED"),
        }.get(type(err), (grpc.StatusCode.INTERNAL, "IO_FAILED"))
        if "reason-wrong" in self.planted:
            reason = "IO_FAILED"
        self.refuse(context, code, err.strerror, reason="CWSANDBOX_FILE_" + reason)

    def close(self):
        for box in self.boxes.values():
            box.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def _regular(path):
    """Only files are opened: a FIFO would wait for its other end."""
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        raise OSError(errno.EINVAL, "it is not a regular file")


class GrpcService:
    """The running server: `url`, `key`, `ca_file` for clients, `servicer` for tests."""

    def __init__(self, folder, tls=True, key="interop-key", planted=frozenset(), threads=64):
        self.key, self.threads = key, threads
        self.servicer = Servicer(key, planted)
        self.server, self.direct = self._make_server(), None
        sandbox_pb2_grpc.add_SandboxServiceServicer_to_server(self.servicer, self.server)
        self.ca_file = None
        if tls:
            self._with_certificates(Authority(folder))
        else:
            self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.url = "%s://127.0.0.1:%d" % ("https" if tls else "http", self.port)
        self.server.start()

    def _make_server(self):
        return grpc.server(concurrent.futures.ThreadPoolExecutor(self.threads), options=[
            ("grpc.max_receive_message_length", 100 << 20), ("grpc.max_send_message_length", 100 << 20),
            ("grpc.so_reuseport", 0)])

    def _with_certificates(self, authority):
        """TLS, and the direct data plane on a port of its own."""
        self.ca_file = authority.ca_file
        self.servicer.authority = authority
        self.port = self.server.add_secure_port("127.0.0.1:0", authority.server_credentials())
        self.direct = self._make_server()
        sandbox_data_plane_pb2_grpc.add_SandboxDataPlaneServiceServicer_to_server(
            DataPlane(self.servicer), self.direct)
        self.servicer.direct_port = self.direct.add_secure_port(
            "127.0.0.1:0", authority.server_credentials(clients=True))
        self.direct.start()

    def stop(self):
        for server in (self.server, self.direct):
            if server:
                server.stop(grace=0).wait(10)
        self.servicer.close()


__all__ = ["FAULTS", "GrpcService", "Refusing", "now"]
