"""What cwsandbox-local does with a spec: containers that share a sandbox, mounted files, volumes, purge"""
import os

import services  # first: it finds the other helpers
import procs
import suite
from services import ServiceCase
from stub import Stub, pb
from terminal import until

LIMIT = 60
BURST = 1000


def container(name, *argv, **fields):
    return pb.Container(name=name, image="python:3.11", command=argv[0] if argv else "", args=argv[1:], **fields)


class Life(Stub, ServiceCase):
    @classmethod
    def make_service(cls, world):
        return world.local()

    def made(self, *containers, **fields):
        """A running sandbox of these containers."""
        answer = self.ask("CreateSandbox", pb.CreateSandboxRequest(
            sandbox=pb.Sandbox(spec=pb.SandboxSpec(containers=containers, **fields))))
        return self.reaches(answer.sandbox_id, pb.STATE_RUNNING)

    # ---- containers ----

    def test_containers_share_files_and_each_has_its_own_main_process_log_and_environment(self):
        shared = "echo %s >/tmp/%s; echo I am %s; exec sleep infinity"
        box = self.made(container("web", "sh", "-c", shared % ("w", "web", "$WHO"), environment_variables={"WHO": "web"}),
                        container("db", "sh", "-c", shared % ("d", "db", "$WHO"), environment_variables={"WHO": "db"},
                                  working_dir="/tmp", primary=True))
        until(lambda: self.logs(box, "web") == b"I am web\n", "the log of web", LIMIT)
        until(lambda: self.logs(box, "db") == b"I am db\n", "the log of db", LIMIT)
        self.assertEqual(self.logs(box), b"I am db\n", "the primary container is the one marked so")
        self.assertEqual(self.shell(box, "pwd; echo $WHO; cat /tmp/web /tmp/db"), b"/tmp\ndb\nw\nd\n")
        self.assertEqual(self.shell(box, "pwd; echo $WHO", "web"), b"/root\nweb\n")
        found = self.get(box).status
        self.assertEqual([(c.name, c.state) for c in found.container_statuses],
                         [("web", pb.STATE_RUNNING), ("db", pb.STATE_RUNNING)])
        self.assertEqual(self.info("Exec", pb.ExecRequest(sandbox_id=box, command=["true"], container="none"))[0].name,
                         "INVALID_ARGUMENT")

    def test_a_helper_may_end_and_the_end_of_the_primary_container_is_the_sandbox_s(self):
        box = self.made(container("main", "sh", "-c", "until [ -e /tmp/go ]; do sleep .1; done; exit 7"),
                        container("once", "sh", "-c", "exit 3"), container("idle"))
        until(lambda: self.get(box).status.container_statuses[1].state == pb.STATE_FAILED, "the end of the helper", LIMIT)
        self.assertEqual(self.get(box).status.container_statuses[1].exit_code, 3)
        self.assertEqual(self.get(box).status.state, pb.STATE_RUNNING)
        self.shell(box, "touch /tmp/go")
        self.reaches(box, pb.STATE_FAILED)
        status = self.get(box).status
        self.assertEqual(status.exit_code, 7)
        self.assertEqual([c.state for c in status.container_statuses],
                         [pb.STATE_FAILED, pb.STATE_FAILED, pb.STATE_TERMINATED])

    def test_every_container_gets_the_grace_of_a_stop(self):
        slow = "trap 'sleep 1; echo saved; exit' TERM; echo up; while :; do sleep .1; done"
        box = self.made(container("a", "sh", "-c", "trap exit TERM; echo up; while :; do sleep .1; done"),
                        container("b", "sh", "-c", slow))
        for name in "ab":
            until(lambda: self.logs(box, name) == b"up\n", "the start of " + name, LIMIT)
        self.ask("DeleteSandbox", pb.DeleteSandboxRequest(sandbox_id=box, grace_period_seconds=30))
        self.reaches(box, pb.STATE_TERMINATED)
        self.assertTrue(self.logs(box, "b").endswith(b"saved\n"))
        self.assertFalse(self.get(box).status.HasField("exit_code"))

    # ---- logs ----

    def entries(self, box, **fields):
        return self.ask("StreamLogs", pb.StreamLogsRequest(sandbox_id=box, follow=True, **fields))

    def taken(self, stream, until_offset):
        """(bytes, session) up to an offset, and the stream is left."""
        data = b""
        for entry in stream:
            assert not entry.error.code, entry.error
            data += entry.data
            if entry.next_log_offset >= until_offset:
                stream.cancel()
                return data, entry.log_session_id

    def refusal(self, box, session, offset):
        last = list(self.entries(box, resume_log_session_id=session, resume_log_offset=offset))[-1]
        return last.error.code

    def test_a_log_stream_is_continued_at_the_very_byte_with_its_times(self):
        box = self.made(container("main", "sh", "-c", "seq 1 30000; exec sleep infinity"))
        until(lambda: len(self.logs(box)) > 160000, "the log", LIMIT)
        whole = self.logs(box, timestamps=True)
        data, session = self.taken(self.entries(box, timestamps=True), 100000)
        self.assertEqual(data, whole[:len(data)])
        for offset in (0, 1, 65537, len(data)):
            rest, again = self.taken(self.entries(box, resume_log_session_id=session, resume_log_offset=offset), len(whole))
            self.assertEqual((rest, again), (whole[offset:], session))
        self.assertEqual(self.refusal(box, session, len(whole) + 1), "INVALID_RESUME_OFFSET")
        self.assertEqual(self.refusal(box, "0" * 32, 0), "SESSION_NOT_FOUND")
        self.assertEqual(self.fields("StreamLogs", pb.StreamLogsRequest(
            sandbox_id=box, resume_log_session_id=session)), ["resume_log_session_id"])

    def test_a_stream_that_another_one_continues_is_interrupted(self):
        box = self.made(container("main", "sh", "-c", "echo hello; exec sleep infinity"))
        first = self.entries(box)
        entry = next(first)
        second = self.entries(box, resume_log_session_id=entry.log_session_id, resume_log_offset=2)
        self.assertEqual(next(second).data, b"llo\n")
        self.assertEqual([e.error.code for e in first], ["STREAM_INTERRUPTED"])
        second.cancel()

    def test_a_log_keeps_its_newest_mebibytes_and_says_where_they_begin(self):
        box = self.made(container("main", "sh", "-c", "seq 1 1000000; echo done; exec sleep infinity"))
        until(lambda: self.logs(box, tail_lines=1) == b"done\n", "the end", LIMIT)
        kept = self.logs(box)
        self.assertGreater(len(kept), 2 << 20)
        self.assertLessEqual(len(kept), 4 << 20)
        self.assertEqual(self.logs(box, tail_lines=3), b"999999\n1000000\ndone\n")
        folder = os.path.join(self.service.state_dir, "logs")
        sizes = [os.path.getsize(os.path.join(folder, n)) for n in os.listdir(folder) if n.startswith(box)]
        self.assertLessEqual(sum(sizes), 4 << 20)

    # ---- list, purge, bursts ----

    def test_a_purge_takes_those_with_all_the_tags_and_says_how_many(self):
        both = [self.made(container("main"), tags=["purge-a", "purge-b"]) for _ in range(2)]
        one = self.made(container("main"), tags=["purge-a"])
        request = pb.PurgeSandboxesRequest(tags=["purge-a", "purge-b"], dry_run=True)
        self.assertEqual(self.ask("PurgeSandboxes", request).purge_count, 2)
        self.assertEqual(self.get(both[0]).status.state, pb.STATE_RUNNING)
        request.dry_run = False
        self.assertEqual(self.ask("PurgeSandboxes", request).purge_count, 2)
        for box in both:
            self.reaches(box, pb.STATE_TERMINATED)
        self.assertEqual(self.get(one).status.state, pb.STATE_RUNNING)
        self.assertEqual(self.fields("PurgeSandboxes", pb.PurgeSandboxesRequest()), ["tags"])
        self.end(one)

    def test_ids_of_any_shape_are_unknown_and_nothing_else(self):
        for bad in ("", "nope", "../../etc", "a/b", "a\nb\x01", "\u202e", "x" * 4000):
            for method, request in (("GetSandbox", pb.GetSandboxRequest), ("DeleteSandbox", pb.DeleteSandboxRequest),
                                    ("StreamLogs", pb.StreamLogsRequest), ("ReadFile", pb.ReadFileRequest),
                                    ("CreateFileSystemSnapshot", pb.CreateFileSystemSnapshotRequest)):
                code, reason = self.info(method, request(sandbox_id=bad))
                self.assertEqual((code.name, reason), ("NOT_FOUND", "CWSANDBOX_SANDBOX_NOT_FOUND"))

    def test_a_burst_of_creates_is_taken_and_leaves_nothing_behind(self):
        pid, state = self.service.process.pid, self.service.state_dir

        def count():
            live = self.ask("ListSandboxes", pb.ListSandboxesRequest(tags=["burst"])).sandboxes
            return len(live), len(os.listdir(os.path.join(state, "sandboxes"))), procs.fd_count(pid), len(procs.descendants(pid))
        before = count()
        request = pb.CreateSandboxRequest(sandbox=pb.Sandbox(spec=pb.SandboxSpec(
            tags=["burst"], containers=[container("main")])))
        made = [self.stub.CreateSandbox.future(request, metadata=self.key, timeout=LIMIT) for _ in range(BURST)]
        ids = [f.result().sandbox_id for f in made]
        self.assertEqual(len(set(ids)), BURST)
        self.reaches(ids[0], pb.STATE_RUNNING)
        self.assertEqual(self.ask("PurgeSandboxes", pb.PurgeSandboxesRequest(tags=["burst"])).purge_count, BURST)
        for box in ids:
            self.reaches(box, pb.STATE_TERMINATED)
        until(lambda: count() == before, "all of it to go", LIMIT)

    # ---- mounted files ----

    def test_mounted_files_are_there_before_the_command_and_their_folders_are_made(self):
        files = [pb.FileMount(path="/etc/app/conf", content=b"\x00\xffbytes"), pb.FileMount(path="/root/empty")]
        box = self.made(container("main", "sh", "-c", "cp /etc/app/conf /tmp/seen; exec sleep infinity", files=files))
        until(lambda: self.shell(box, "cat /tmp/seen 2>&1") == b"\x00\xffbytes", "the copy", LIMIT)
        self.assertEqual(self.shell(box, "wc -c </root/empty"), b"0\n")

    def test_a_mounted_file_that_cannot_be_written_fails_the_sandbox_by_its_name(self):
        answer = self.ask("CreateSandbox", pb.CreateSandboxRequest(sandbox=pb.Sandbox(spec=pb.SandboxSpec(
            containers=[container("main", files=[pb.FileMount(path="/proc/nope", content=b"x")])]))))
        self.reaches(answer.sandbox_id, pb.STATE_FAILED)
        self.assertIn("/proc/nope", self.get(answer.sandbox_id).status.state_reason)

    # ---- volumes ----

    def test_a_volume_is_where_it_is_mounted_in_all_containers_and_read_only_where_asked(self):
        mounts = [pb.VolumeMount(volume="data", mount_path="/srv/data"),
                  pb.VolumeMount(volume="data", mount_path="/view", read_only=True, sub_path="a/b")]
        box = self.made(container("main", volume_mounts=mounts), container("side"),
                        volumes=[pb.SandboxVolume(name="data", scratch=pb.ScratchVolume(size="1Gi"))])
        self.shell(box, "echo 1 >/srv/data/a/b/f", "side")
        self.assertEqual(self.shell(box, "cat /view/f; echo 2 >/view/f || echo refused"), b"1\nrefused\n")


if __name__ == "__main__":
    suite.main()
