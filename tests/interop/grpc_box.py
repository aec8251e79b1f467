"""grpc_box - one sandbox of the independent service: a folder, its containers' main processes, its states"""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import uuid

from cwsandbox._proto import sandbox_pb2 as pb

from grpc_log import Log
from grpc_process import shell_code
from grpc_status import now

FINAL = (pb.STATE_COMPLETED, pb.STATE_FAILED, pb.STATE_TERMINATED)
ACTIVE = (pb.STATE_RUNNING, pb.STATE_PAUSED)
LIFETIME_DEFAULT, LIFETIME_MAX = 600, 30 * 24 * 3600  # seconds
LABEL = re.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")


def violations(spec):
    """What is wrong with a spec: (field, words) each."""
    if not spec.containers:
        yield "spec.containers", "must have one container"
    for i, c in enumerate(spec.containers):
        at = "spec.containers[%d]." % i
        if not LABEL.match(c.name):
            yield at + "name", "must be a DNS label"
        if not c.image:
            yield at + "image", "must be set"
        if c.working_dir and not c.working_dir.startswith("/"):
            yield at + "working_dir", "must be an absolute path"
    if not 0 <= spec.max_lifetime_seconds <= LIFETIME_MAX:
        yield "spec.max_lifetime_seconds", "must be from 0 to %d" % LIFETIME_MAX


class Box:
    def __init__(self, folder, spec, planted=frozenset()):
        self.id = "sb-" + uuid.uuid4().hex[:12]
        self.folder = os.path.join(folder, self.id)
        os.mkdir(self.folder)
        self.spec, self.planted = spec, planted
        self.gets = 0
        self.over = threading.Event()
        self.commands = []
        self.links = []
        self.status = pb.SandboxStatus(state=pb.STATE_CREATING, create_time=now(), start_time=now(),
                                       runner_id="runner-1", runner_group_id="group-1",
                                       effective_max_lifetime_seconds=spec.max_lifetime_seconds or LIFETIME_DEFAULT)
        for container in spec.containers:
            self.status.container_statuses.add(name=container.name, state=pb.STATE_RUNNING)

    def start(self):
        """Its main processes, once the volumes are there; OSError leaves the sandbox failed."""
        self.logs, self.mains = {}, {}
        try:
            for container in self.spec.containers:
                self._start_main(container)
        except OSError as err:
            self.status.state = pb.STATE_FAILED
            self.status.state_reason = "could not start: %s" % err.strerror
            self._kill()
            return
        self.lifetime = threading.Timer(self.status.effective_max_lifetime_seconds, self.stop, (1,))
        self.lifetime.daemon = True
        self.lifetime.start()

    def _start_main(self, container):
        argv = [container.command or "sleep"] + list(container.args if container.command else ["infinity"])
        log = self.logs[container.name] = Log()
        ours, theirs = os.pipe()
        log.take(ours)
        try:
            self.mains[container.name] = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, start_new_session=True,
                **self.options(container))
        finally:
            os.close(theirs)

    # ---- containers ----

    @property
    def primary(self):
        return next((c for c in self.spec.containers if c.primary), self.spec.containers[0])

    def container(self, name):
        """The one that was asked for, else None."""
        name = name.strip()
        if not name or "container-ignored" in self.planted:
            return self.primary
        return next((c for c in self.spec.containers if c.name == name), None)

    def options(self, container, extra=()):
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": self.folder, "TMPDIR": self.folder, "LANG": "C.UTF-8",
               "TERM": "xterm-256color"}
        env.update(container.environment_variables)
        if "env-lost" not in self.planted:
            env.update(extra)
        return dict(env=env, cwd=container.working_dir or self.folder)

    # ---- life ----

    def proto(self, settle):
        """As GetSandbox shows it; each look moves a passing state on."""
        self.gets += settle
        if self.status.state == pb.STATE_CREATING and self.gets > 1:
            self.status.state = pb.STATE_RUNNING
        elif self.status.state == pb.STATE_TERMINATING and self.gets > 1 and self.over.is_set():
            self._finish(pb.STATE_TERMINATED)
            if "stop-stamps-a-code" in self.planted:
                self.status.exit_code = 137
        elif self.status.state == pb.STATE_RUNNING:
            self._look()
        return pb.Sandbox(sandbox_id=self.id, spec=self.spec, status=self.status)

    def _look(self):
        """Has the main process ended by itself?"""
        code = self.mains[self.primary.name].poll()
        if code is None:
            return
        self.status.exit_code = shell_code(code)
        self._finish(pb.STATE_FAILED if code else pb.STATE_COMPLETED)
        self._kill()

    def _finish(self, state):
        self.status.state = state
        self.status.end_time.CopyFrom(now())
        for container in self.status.container_statuses:
            container.state = state
            container.exit_code = self.status.exit_code

    def stop(self, grace):
        self._look()
        if self.status.state not in FINAL + (pb.STATE_TERMINATING,):
            self.status.state, self.gets = pb.STATE_TERMINATING, 0
            threading.Thread(target=self._drain, args=(grace,), daemon=True).start()

    def _drain(self, grace):
        for main in self.mains.values():
            _signal(main.pid, signal.SIGTERM)
        try:
            self.mains[self.primary.name].wait(grace)
        except subprocess.TimeoutExpired:
            pass
        self._kill()
        self.over.set()

    def _kill(self):
        for command in self.commands:
            command.kill()
            _signal(command.process.pid, signal.SIGKILL)  # what it left in the background
        for main in self.mains.values():
            _signal(main.pid, signal.SIGKILL)
            main.wait()

    def end(self):
        if hasattr(self, "lifetime"):
            self.lifetime.cancel()
        self._kill()
        for link in self.links:
            os.unlink(link)

    # ---- scratch volumes: a folder each, and a link to it where a container wants it ----

    def volume(self, name):
        return self.folder + ".volume." + name

    def scratch_names(self):
        return [v.name for v in self.spec.volumes if v.WhichOneof("source") == "scratch"]

    def mount(self, archive_of):
        """Makes the volumes, restored where a snapshot is named."""
        for volume in self.spec.volumes:
            os.mkdir(self.volume(volume.name))
            if volume.scratch.restore_from_snapshot_id:
                archive_of(volume.scratch.restore_from_snapshot_id).restore(self.volume(volume.name))
        for container in self.spec.containers:
            for mount in container.volume_mounts:
                assert mount.mount_path.startswith(tempfile.gettempdir() + os.sep), "a volume on the machine itself"
                os.symlink(os.path.join(self.volume(mount.volume), mount.sub_path), mount.mount_path)
                self.links.append(mount.mount_path)


def copy_tree(source, target, skip=()):
    shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, ignore=lambda _dir, _names: skip)


def _signal(group, number):
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass
