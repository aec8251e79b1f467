"""official - the official client, unmodified, without its third of a second of start-up for each command

One process imports the client once and is forked for each command or program: what runs is the package's own
entry point, in a process of its own, with its own environment, descriptors and end. Tests of a terminal, and one
of the installed script itself, start the script as a user does.
"""
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import traceback

PACKET_MAX = 128 * 1024  # bytes of a job: arguments, environment, program


# ---- in the tests ----

class Official:
    """The process that is forked; `run` and `program` are what a shell and `python -c` would do."""

    def __init__(self, env):
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), str(theirs.fileno())],
                                            pass_fds=[theirs.fileno()], env=env, stdin=subprocess.DEVNULL)

    def close(self):
        self.sock.close()
        self.process.wait(30)

    def run(self, argv, **kwargs):
        """(code, stdout, stderr) of the command line with `argv`."""
        return self._job({"argv": list(argv)}, **kwargs)

    def program(self, text, **kwargs):
        """The same of a program, which finds the SDK imported as `cwsandbox`."""
        return self._job({"program": text}, **kwargs)

    def _job(self, job, env, cwd, input=b"", limit=180):
        job = json.dumps(dict(job, env=env, cwd=cwd)).encode()
        assert len(job) <= PACKET_MAX, "the program is too long"
        fds = [os.memfd_create(name) for name in ("stdin", "stdout", "stderr")]
        try:
            os.write(fds[0], input)
            os.lseek(fds[0], 0, os.SEEK_SET)
            self.sock.settimeout(limit)
            socket.send_fds(self.sock, [job], fds)
            pid = int(self.sock.recv(64))
            try:
                code = int(self.sock.recv(64))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                self.sock.recv(64)
                raise AssertionError("no end after %g s: %s" % (limit, job[:400].decode())) from None
            return (code,) + tuple(_whole(fd) for fd in fds[1:])
        finally:
            for fd in fds:
                os.close(fd)


def _whole(fd):
    with open(fd, "rb", closefd=False) as f:
        f.seek(0)
        return f.read()


# ---- in the process that is forked ----

def serve(sock):
    import cwsandbox.cli  # what takes the time
    while True:
        job, fds, _, _ = socket.recv_fds(sock, PACKET_MAX, 3)
        if not job:
            return
        pid = os.fork()
        if not pid:
            sock.close()
            become(json.loads(job), fds, cwsandbox)
        for fd in fds:
            os.close(fd)
        sock.send(b"%d" % pid)
        sock.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def become(job, fds, package):
    """The child: never returns."""
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    os.environ.clear()
    os.environ.update(job["env"])
    os.chdir(job["cwd"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = outcome(job, package)
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code & 0xff)


def outcome(job, package):
    try:
        if "program" in job:
            exec(compile(job["program"], "<program>", "exec"), {"__name__": "__main__", "cwsandbox": package})
        else:
            from cwsandbox.__main__ import main
            sys.argv = [os.path.join(os.path.dirname(sys.executable), "cwsandbox")] + job["argv"]
            main()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as one:
        serve(one)
