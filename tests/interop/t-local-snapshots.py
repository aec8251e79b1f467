"""Snapshots of scratch volumes by cwsandbox-local: made, restored, listed, removed; through kills and hostile content"""
import io
import os
import signal
import tarfile
import unittest
import uuid

import services  # first: it finds the other helpers
import suite
from services import ServiceCase
from stub import Stub, pb
from terminal import until
from world import Service, program, read

LIMIT = 60
HOSTILE = r"""
import os, socket
os.chdir('/data')
os.makedirs('a/b/c', exist_ok=True)
open('a/b/c/f', 'w').write('deep\n')
open('plain', 'w').write('first\n'); os.link('plain', 'a/second')
os.symlink('/etc/passwd', 'abs'); os.symlink('../../../../../../etc/shadow', 'up'); os.symlink('a', 'dirlink')
os.mkfifo('pipe')
socket.socket(socket.AF_UNIX).bind('sock')
with open('sparse', 'wb') as f: f.seek(5 << 30); f.write(b'end'); f.truncate(6 << 30)
with open('hole', 'wb') as f: f.truncate(1 << 30)
open('suid', 'w').write('x'); os.chmod('suid', 0o6755)
open('locked', 'w').write('secret\n'); os.chmod('locked', 0)
os.mkdir('shut'); open('shut/in', 'w').write('in\n'); 
os.link('shut/in', 'beside'); os.link('beside', 'a/b/in'); os.chmod('shut', 0o000)
os.makedirs('ro/deep'); open('ro/deep/f', 'w').write('ro\n'); os.link('ro/deep/f', 'A'); os.link('A', 'zz')
os.chmod('ro/deep', 0o555); os.chmod('ro', 0o500)
open(b'n\xff\x01\n name', 'w').write('odd\n')
open('x' * 255, 'w').write('long\n')
os.makedirs('/'.join(['d' * 60] * 60)); open('/'.join(['d' * 60] * 60) + '/end', 'w').write('end\n')
os.utime('plain', ns=(0, 1234567890123456789))
"""
SHOW = r"""
import os, stat, sys
os.chdir('/data')
out = []
for top, dirs, files in os.walk('.', followlinks=False):
    for name in sorted(dirs + files):
        p = os.path.join(top, name); st = os.lstat(p)
        out.append((p, stat.filemode(st.st_mode), st.st_nlink if not stat.S_ISDIR(st.st_mode) else 0,
                    os.readlink(p) if stat.S_ISLNK(st.st_mode) else '',
                    st.st_size if stat.S_ISREG(st.st_mode) else 0, st.st_blocks * 512 > 64 << 20))
print(sorted(out))
"""


def scratch(restore="", name="data"):
    return pb.SandboxVolume(name=name, scratch=pb.ScratchVolume(restore_from_snapshot_id=restore))


def spec(*volumes, command=("sleep", "infinity"), mounts=None):
    mounts = mounts or [pb.VolumeMount(volume=v.name, mount_path="/" + v.name) for v in volumes]
    return pb.CreateSandboxRequest(sandbox=pb.Sandbox(spec=pb.SandboxSpec(volumes=volumes, containers=[
        pb.Container(name="main", image="python:3.11", command=command[0], args=command[1:], volume_mounts=mounts)])))


class Asking(Stub):
    @classmethod
    def make_service(cls, world):
        return world.local()

    def box(self, *volumes, wait=pb.STATE_RUNNING, **fields):
        made = self.ask("CreateSandbox", spec(*(volumes or (scratch(),)), **fields))
        return self.reaches(made.sandbox_id, wait)

    def snapshot(self, box, **fields):
        return self.ask("CreateFileSystemSnapshot", pb.CreateFileSystemSnapshotRequest(
            sandbox_id=box, **fields)).file_system_snapshot_id

    def record(self, snapshot):
        return self.ask("GetFileSystemSnapshot", pb.GetFileSystemSnapshotRequest(file_system_snapshot_id=snapshot))

    def settled(self, snapshot, state=pb.SNAPSHOT_STATE_READY):
        until(lambda: self.record(snapshot).state != pb.SNAPSHOT_STATE_CREATING, "the snapshot", LIMIT)
        found = self.record(snapshot)
        self.assertEqual(found.state, state, found.state_reason)
        return found

    def taken(self, box, **fields):
        return self.settled(self.snapshot(box, **fields)).file_system_snapshot_id

    def listed(self, **fields):
        found, token = [], ""
        while True:
            page = self.ask("ListFileSystemSnapshots", pb.ListFileSystemSnapshotsRequest(page_token=token, **fields))
            found += page.file_system_snapshots
            token = page.next_page_token
            if not token:
                return [s.file_system_snapshot_id for s in found]

    def remove(self, snapshot, **fields):
        return self.ask("DeleteFileSystemSnapshot", pb.DeleteFileSystemSnapshotRequest(
            file_system_snapshot_id=snapshot, **fields))

    def missing(self, snapshot):
        return self.info("GetFileSystemSnapshot", pb.GetFileSystemSnapshotRequest(file_system_snapshot_id=snapshot))

    def stored(self):
        return sorted(os.listdir(os.path.join(self.service.state_dir, "snapshots")))


class Snapshots(Asking, ServiceCase):
    def test_a_snapshot_restores_what_the_volume_had_when_it_was_made(self):
        box = self.box()
        self.shell(box, "echo one >/data/f; mkdir /data/d; echo x >/data/d/x")
        first = self.settled(self.snapshot(box))
        self.shell(box, "echo two >/data/f; rm -r /data/d")
        second = self.taken(box)
        old, new = self.box(scratch(first.file_system_snapshot_id)), self.box(scratch(second))
        self.assertEqual(self.shell(old, "cat /data/f /data/d/x; echo mine >/data/f"), b"one\nx\n")
        self.assertEqual(self.shell(new, "cat /data/f; ls /data"), b"two\nf\n")
        self.assertEqual(self.shell(box, "cat /data/f"), b"two\n")
        self.assertEqual((first.source_sandbox_id, first.source_volume_name, first.trigger),
                         (box, "data", pb.SNAPSHOT_TRIGGER_MANUAL))
        self.assertGreater(first.size_bytes, 0)
        self.assertLessEqual(first.create_time.ToNanoseconds(), first.complete_time.ToNanoseconds())
        self.assertEqual(self.listed(source_sandbox_id=box), [second, first.file_system_snapshot_id])
        self.assertEqual(self.listed(source_sandbox_id=box, page_size=1), [second, first.file_system_snapshot_id])
        self.assertEqual(self.remove(second).state, pb.SNAPSHOT_STATE_DELETING)
        until(lambda: self.listed(source_sandbox_id=box) == [first.file_system_snapshot_id], "the removal", LIMIT)
        self.assertEqual(self.missing(second), (services_code("NOT_FOUND"), "CWSANDBOX_FSS_NOT_FOUND"))
        self.assertEqual(self.remove(second, allow_missing=True).file_system_snapshot_id, "")
        self.assertFalse([f for f in self.stored() if f.startswith(second)])

    def test_hostile_content_comes_back_as_it_was_and_nothing_else_with_it(self):
        box = self.box()
        made = self.ask("Exec", pb.ExecRequest(sandbox_id=box, command=["python3", "-c", HOSTILE]))
        self.assertEqual((made.exit_code, made.stderr), (0, b""))
        seen = self.ask("Exec", pb.ExecRequest(sandbox_id=box, command=["python3", "-c", SHOW])).stdout
        again = self.box(scratch(self.taken(box)))
        back = self.ask("Exec", pb.ExecRequest(sandbox_id=again, command=["python3", "-c", SHOW])).stdout
        expected = [e for e in eval(seen) if e[0] != "./sock"]
        for e in expected:
            if e[0] == "./suid":
                expected[expected.index(e)] = (e[0], "-rwxr-xr-x") + e[2:]
        self.assertEqual(eval(back), expected)
        self.assertEqual(self.shell(again, "cat /data/a/second /data/a/b/c/f; tail -c 1073741824 /data/sparse | head -c 3; "
                                           "stat -c %Y /data/plain; chmod 400 /data/locked; cat /data/locked; "
                                           "chmod 700 /data/shut; cat /data/shut/in"),
                         b"first\ndeep\nend1234567890\nsecret\nin\n")
        self.assertEqual(self.shell(box, "stat -c %a /data/locked /data/shut"), b"0\n0\n", "the source is as it was")

    def test_what_is_nested_too_deep_fails_with_a_reason_and_leaves_nothing(self):
        box = self.box()
        self.ask("Exec", pb.ExecRequest(sandbox_id=box, command=["python3", "-c", (
            "import os\nos.chdir('/data')\nfor i in range(200): os.mkdir('d'); os.chdir('d')")]))
        failed = self.settled(self.snapshot(box), pb.SNAPSHOT_STATE_FAILED)
        self.assertIn("too deep", failed.state_reason)
        self.assertEqual([f for f in self.stored() if f.startswith(failed.file_system_snapshot_id)],
                         [failed.file_system_snapshot_id + ".record"])
        self.assertEqual(self.info("CreateSandbox", spec(scratch(failed.file_system_snapshot_id)))[1],
                         "CWSANDBOX_FSS_NOT_READY")

    def test_a_stop_keeps_the_volumes_as_the_program_left_them(self):
        box = self.box(scratch(name="data"), scratch(name="other"), command=(
            "sh", "-c", "trap 'echo last >/data/f; exit' TERM; echo up; while :; do sleep .1; done"))
        until(lambda: self.logs(box) == b"up\n", "the program", LIMIT)
        request = pb.DeleteSandboxRequest(sandbox_id=box, grace_period_seconds=30, snapshot_volumes=["data", "other"],
                                          request_id="stop-" + box)
        ids = list(self.ask("DeleteSandbox", request).file_system_snapshot_ids)
        self.assertEqual(len(ids), 2)
        self.assertEqual(list(self.ask("DeleteSandbox", request).file_system_snapshot_ids), ids, "the same request again")
        self.reaches(box, pb.STATE_TERMINATED)
        for one in ids:
            self.assertEqual(self.settled(one).trigger, pb.SNAPSHOT_TRIGGER_ON_DELETE)
        self.assertEqual(self.shell(self.box(scratch(ids[0])), "cat /data/f"), b"last\n")
        until(lambda: box not in os.listdir(os.path.join(self.service.state_dir, "sandboxes")), "the folder's end", LIMIT)
        request.request_id = "another"
        self.assertEqual(self.info("DeleteSandbox", request)[1], "CWSANDBOX_FSS_NOT_SUPPORTED")

    def test_of_many_deleted_at_once_nothing_stays(self):
        box = self.box()
        made = [self.taken(box) for _ in range(8)]
        for one in made:
            self.remove(one)
        until(lambda: not [f for f in self.stored() if f[:36] in made], "the removals", LIMIT)
        for one in made:
            self.assertEqual(self.missing(one)[1], "CWSANDBOX_FSS_NOT_FOUND")

    def test_a_request_made_twice_makes_one_and_another_one_is_a_conflict(self):
        box, other = self.box(), self.box()
        key = uuid.uuid4().hex
        first = self.snapshot(box, request_id=key)
        self.assertEqual(self.snapshot(box, request_id=key), first)
        self.assertEqual(self.snapshot(box, request_id=key, scratch_volume_name="data"), first)
        self.assertEqual(self.info("CreateFileSystemSnapshot", pb.CreateFileSystemSnapshotRequest(
            sandbox_id=other, request_id=key))[1], "CWSANDBOX_REQUEST_ID_CONFLICT")
        self.assertEqual(self.settled(first).request_id, key)

    def test_what_cannot_be_is_refused_by_its_reason(self):
        plain = self.ask("CreateSandbox", pb.CreateSandboxRequest(sandbox=pb.Sandbox(spec=pb.SandboxSpec(
            containers=[pb.Container(name="main", image="i")])))).sandbox_id
        self.reaches(plain, pb.STATE_RUNNING)
        two = self.box(scratch(name="data"), scratch(name="more"))
        ask = pb.CreateFileSystemSnapshotRequest
        self.assertEqual(self.info("CreateFileSystemSnapshot", ask(sandbox_id=plain))[1], "CWSANDBOX_FSS_NOT_SUPPORTED")
        self.assertEqual(self.fields("CreateFileSystemSnapshot", ask(sandbox_id=two)), ["scratch_volume_name"])
        self.assertEqual(self.fields("CreateFileSystemSnapshot", ask(sandbox_id=two, scratch_volume_name="no")),
                         ["scratch_volume_name"])
        self.assertEqual(self.fields("CreateFileSystemSnapshot", ask(sandbox_id=two, request_id="x" * 129)),
                         ["request_id"])
        self.assertEqual(self.fields("DeleteSandbox", pb.DeleteSandboxRequest(
            sandbox_id=two, snapshot_volumes=["data", "data"])), ["snapshot_volumes"])
        self.assertEqual(self.info("CreateFileSystemSnapshot", ask(sandbox_id="nope"))[1], "CWSANDBOX_SANDBOX_NOT_FOUND")
        for bad in ("nope", "", "../../token", "a/b", "a\nb\x01", "x" * 5000):
            self.assertEqual(self.missing(bad)[1], "CWSANDBOX_FSS_NOT_FOUND")
            self.assertEqual(self.info("DeleteFileSystemSnapshot", pb.DeleteFileSystemSnapshotRequest(
                file_system_snapshot_id=bad))[1], "CWSANDBOX_FSS_NOT_FOUND")
        self.assertEqual(self.info("CreateSandbox", spec(scratch("nope")))[1], "CWSANDBOX_FSS_NOT_FOUND")
        self.end(plain)
        self.assertEqual(self.refused("CreateFileSystemSnapshot", ask(sandbox_id=plain))[0].name, "FAILED_PRECONDITION")

    def test_a_damaged_or_hostile_archive_fails_the_restore_and_writes_nowhere_else(self):
        box = self.box()
        outside = self.world.path("outside")
        for name, entries in (("damaged", None), ("upward", ["../../../../../../.." + outside]), ("absolute", [outside]),
                              ("through", ["link", "link/f"]), ("dots", ["a/../../../x"])):
            made = self.taken(box)
            path = os.path.join(self.service.state_dir, "snapshots", made + ".tar.zst")
            if entries is None:
                with open(path, "r+b") as f:
                    f.truncate(os.path.getsize(path) - 4)
            else:
                hostile_archive(path, entries, os.path.dirname(outside))
            answer = self.ask("CreateSandbox", spec(scratch(made)))
            self.reaches(answer.sandbox_id, pb.STATE_FAILED)
            self.assertIn("CWSANDBOX_FSS_RESTORE_FAILED", self.get(answer.sandbox_id).status.state_reason, name)
            self.assertFalse(os.path.exists(outside), name)


class Kills(Asking, ServiceCase):
    def again(self):
        """kill -9, and a new service on the same folder."""
        self.service.process.send_signal(signal.SIGKILL)
        self.service.process.wait()
        type(self).service = self.world.local()
        type(self).connect()

    def test_a_kill_in_the_middle_leaves_the_whole_ones_and_no_half_one(self):
        box = self.box()
        self.shell(box, "echo kept >/data/f")
        whole = self.taken(box)
        self.shell(box, "head -c 200000000 /dev/urandom >/data/big")
        cut = self.snapshot(box)
        until(lambda: cut + ".part" in self.stored(), "the start of the archive", LIMIT)
        self.again()
        self.assertFalse([f for f in self.stored() if f.endswith(".part") and not f.startswith(cut)])
        self.assertGreater(self.settled(cut).size_bytes, 200000000, "made again from the folder that was kept")
        self.assertEqual(self.record(whole).state, pb.SNAPSHOT_STATE_READY)
        self.assertEqual(self.shell(self.box(scratch(whole)), "cat /data/f"), b"kept\n")
        self.remove(cut)
        until(lambda: not [f for f in self.stored() if f.startswith(cut)], "the removal", LIMIT)


    def test_a_killed_service_comes_back_with_its_sandboxes_their_files_and_logs(self):
        box = self.box(command=("sh", "-c", "echo start >>/data/starts; cat /data/starts; exec sleep infinity"))
        self.shell(box, "echo mine >/root/f; echo kept >/data/f")
        ended = self.box(command=("sh", "-c", "echo last words; exit 3"), wait=pb.STATE_FAILED)
        stopped = self.end(self.box())
        before = self.get(box)
        self.again()
        self.reaches(box, pb.STATE_RUNNING)
        self.assertEqual(self.shell(box, "cat /root/f /data/f"), b"mine\nkept\n")
        until(lambda: self.logs(box) == b"start\n" + b"start\nstart\n", "the log of both runs", LIMIT)
        after = self.get(box)
        self.assertEqual(after.status.container_statuses[0].restart_count, 1)
        self.assertEqual(after.status.start_time, before.status.start_time)
        self.assertEqual(after.spec, before.spec)
        found = self.get(ended).status
        self.assertEqual((found.state, found.exit_code), (pb.STATE_FAILED, 3))
        self.assertEqual(self.logs(ended), b"last words\n")
        self.assertEqual(self.get(stopped).status.state, pb.STATE_TERMINATED)
        listed = self.ask("ListSandboxes", pb.ListSandboxesRequest(show_terminated=True)).sandboxes
        self.assertEqual([s.sandbox_id for s in listed if s.sandbox_id in (box, ended, stopped)], [stopped, ended, box])
        self.end(box)

    def test_a_root_that_was_made_a_trap_does_not_start_again(self):
        outside = self.world.path("trap")
        os.mkdir(outside)
        traps = [self.box(command=("sh", "-c", "mv /etc /etc2 && ln -s /oldroot%s /etc; echo set; exec sleep infinity" % outside)),
                 self.box(mounts=[pb.VolumeMount(volume="data", mount_path="/srv/a/b")], command=(
                     "sh", "-c", "mv /srv /s && ln -s /oldroot%s /srv; echo set; exec sleep infinity" % outside))]
        for box in traps:
            until(lambda: self.logs(box) == b"set\n", "the trap", LIMIT)
        self.again()
        for box in traps:
            self.reaches(box, pb.STATE_FAILED)
            self.assertIn("is a link now", self.get(box).status.state_reason)
        self.assertEqual(os.listdir(outside), [])

    def test_what_was_being_stopped_stays_stopped_and_its_snapshot_is_made(self):
        box = self.box(command=("sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"))
        self.shell(box, "echo kept >/data/f")
        until(lambda: self.logs(box) == b"up\n", "the trap", LIMIT)
        made = self.ask("DeleteSandbox", pb.DeleteSandboxRequest(
            sandbox_id=box, grace_period_seconds=600, snapshot_volumes=["data"])).file_system_snapshot_ids[0]
        self.again()
        self.assertEqual(self.get(box).status.state, pb.STATE_TERMINATED)
        self.settled(made)
        self.assertEqual(self.shell(self.box(scratch(made)), "cat /data/f"), b"kept\n")
        until(lambda: box not in os.listdir(os.path.join(self.service.state_dir, "sandboxes")), "the folder's end", LIMIT)

    def test_a_damaged_record_or_log_costs_itself_only(self):
        box, other = self.box(command=("sh", "-c", "echo hello; exec sleep infinity")), self.box()
        until(lambda: self.logs(box) == b"hello\n", "the log", LIMIT)
        state = self.service.state_dir
        with open(os.path.join(state, "records", other), "wb") as f:
            f.write(b"\xff" * 100)
        log = [n for n in os.listdir(os.path.join(state, "logs")) if n.startswith(box)][0]
        with open(os.path.join(state, "logs", log), "ab") as f:
            f.write(b"\x00\x01half a record")
        unread, stray = (os.path.join(state, "snapshots", str(uuid.uuid4())) for _ in range(2))
        for path in (unread + ".record", unread + ".tar.zst", stray + ".tar.zst"):
            with open(path, "wb") as f:
                f.write(b"\xff")
        for name in ("../x", "junk.0.0000000000000000", "a.b"):
            with open(os.path.join(state, "logs", name.replace("/", "_")), "wb") as f:
                f.write(b"x")
        self.again()
        self.reaches(box, pb.STATE_RUNNING)
        until(lambda: self.logs(box) == b"hello\nhello\n", "the log of both runs", LIMIT)
        self.assertEqual(self.info("GetSandbox", pb.GetSandboxRequest(sandbox_id=other))[1], "CWSANDBOX_SANDBOX_NOT_FOUND")
        self.assertFalse([n for n in os.listdir(os.path.join(state, "logs")) if "junk" in n or "x" in n[:4]])
        self.assertTrue(os.path.exists(unread + ".record") and os.path.exists(unread + ".tar.zst"))
        self.assertFalse(os.path.exists(stray + ".tar.zst"))


@unittest.skipUnless(os.geteuid() == 0, "only root can mount a small disk for the service")
class FullDisk(Asking, ServiceCase):
    """The state folder on a disk of its own, which the test fills to below the room that is kept."""

    @classmethod
    def make_service(cls, world):
        disk = world.path("disk")
        os.mkdir(disk)
        token = world.write("token-of-it", "t" * 64)
        os.chmod(token, 0o600)
        process = world.start(["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=2200m none %s && exec %s --state-dir "
                               "%s/local --plaintext --token-file %s --port-file %s.port" % (
                                   disk, program("cwsandbox-local"), disk, token, disk)])
        number = until(lambda: os.path.exists(disk + ".port") and read(disk + ".port").strip(), "the port", LIMIT)
        cls.filler = "/proc/%d/root%s/filler" % (process.pid, disk)
        return Service("http://127.0.0.1:" + number, "t" * 64, None, process, None)

    def fill(self, size):
        with open(self.filler, "wb") as f:
            os.posix_fallocate(f.fileno(), 0, size)

    def test_a_full_disk_is_said_by_every_method_and_the_service_goes_on(self):
        box = self.box()
        self.shell(box, "echo x >/data/f")
        self.fill(1300 << 20)
        failed = self.settled(self.snapshot(box), pb.SNAPSHOT_STATE_FAILED)
        self.assertIn("the disk is full", failed.state_reason)
        code, found = self.refused("CreateSandbox", spec(scratch()))
        self.assertEqual(code.name, "RESOURCE_EXHAUSTED", found)
        self.assertEqual(self.shell(box, "echo y >/data/g; cat /data/f"), b"x\n")
        os.unlink(self.filler)
        self.taken(box)
        until(lambda: self.stub.CreateSandbox.future(spec(scratch()), metadata=self.key).exception() is None,
              "room for another one", LIMIT)
        self.ask("PurgeSandboxes", pb.PurgeSandboxesRequest(purge_all=True))


def services_code(name):
    import grpc
    return getattr(grpc.StatusCode, name)


def hostile_archive(path, names, target):
    """A tar with these members, unpacked as it is; one called `link` points out of the folder."""
    with tarfile.open(path, mode="w") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            if name == "link":
                member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member, io.BytesIO(b""))


if __name__ == "__main__":
    suite.main()
