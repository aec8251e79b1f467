"""What cwsandbox-local does with a spec: containers that share a sandbox, mounted files, volumes, purge"""
import services  # first: it finds the other helpers
import suite
from services import ServiceCase
from stub import Stub, pb
from terminal import until

LIMIT = 60


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
