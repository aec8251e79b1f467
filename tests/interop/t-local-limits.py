"""What a sandbox of cwsandbox-local may use: memory, disk, files; and what the machine keeps for itself"""
import os
import shutil
import subprocess

import services  # first: it finds the other helpers
import suite
from services import ServiceCase
from stub import Stub, grpc, pb
from terminal import until

LIMIT = 60
KEEPS_MIB = 1024 + 512  # DISK_FREE_BYTES and DISK_MARGIN_BYTES
# Holds N MiB of memory of its own until it is ended.
HOLD = "import signal, sys; b = bytearray(int(sys.argv[1]) << 20); signal.pause()"


class Limited(Stub):
    """What both classes ask."""

    def request(self, memory="", mounts=(), **fields):
        resources = pb.Resources(memory=memory) if memory else None
        main = pb.Container(name="main", image="python:3.11", resources=resources, volume_mounts=mounts)
        return pb.CreateSandboxRequest(sandbox=pb.Sandbox(spec=pb.SandboxSpec(containers=[main], **fields)))

    def made(self, *args, **fields):
        return self.reaches(self.ask("CreateSandbox", self.request(*args, **fields)).sandbox_id, pb.STATE_RUNNING)

    def run_to_its_end(self, box, *argv):
        """The answer of Exec; None when the sandbox ended with it."""
        try:
            return self.ask("Exec", pb.ExecRequest(sandbox_id=box, command=argv))
        except grpc.RpcError as error:
            self.assertEqual(error.code().name, "CANCELLED", error.details())

    def why_failed(self, box):
        def failed():
            return self.get(box).status.state == pb.STATE_FAILED
        until(failed, "the state failed", LIMIT)
        return self.get(box).status.state_reason


class Limits(Limited, ServiceCase):
    @classmethod
    def make_service(cls, world):
        return world.local("--isolation", "bwrap")

    def test_memory_beyond_the_limit_ends_the_sandbox_which_says_so(self):
        box = self.made("64Mi")
        self.assertIsNone(self.run_to_its_end(box, "python3", "-c", HOLD, "200"))
        self.assertRegex(self.why_failed(box), r"^out of memory: its processes used \d+ MiB of at most 64 MiB$")
        self.assertFalse(self.get(box).status.HasField("exit_code"))
        self.assertIn(b"failed", self.official_ok("get", box))

    def test_what_many_processes_use_is_counted_together(self):
        box = self.made("160Mi")
        held = "for i in 1 2 3 4 5 6; do python3 -c \"$0\" 40 & done; wait"
        self.assertIsNone(self.run_to_its_end(box, "sh", "-c", held, HOLD))
        self.assertIn("out of memory", self.why_failed(box))

    def test_shared_memory_counts_though_nobody_has_mapped_it(self):
        box = self.made("32Mi")
        self.assertIsNone(self.run_to_its_end(box, "sh", "-c", "head -c 60M /dev/zero >/dev/shm/x; exec sleep 1000"))
        self.assertIn("out of memory", self.why_failed(box))

    def test_pages_that_processes_share_count_once(self):
        box = self.made("160Mi")
        forks = "import os, time\nb = bytearray(60 << 20)\nfor _ in range(8):\n if not os.fork():\n  time.sleep(2.5)\n" \
                "  os._exit(0)\ntime.sleep(2.5)\nprint('fine')"
        self.assertEqual(self.run_to_its_end(box, "python3", "-c", forks).stdout, b"fine\n")
        self.assertEqual(self.get(box).status.state, pb.STATE_RUNNING)
        self.end(box)

    def test_a_request_beyond_the_machine_and_one_that_is_no_quantity_are_refused(self):
        self.assertEqual(self.info("CreateSandbox", self.request("4Ei")),
                         (grpc.StatusCode.FAILED_PRECONDITION, "CWSANDBOX_RESOURCE_CEILING_EXCEEDED"))
        self.assertEqual(self.fields("CreateSandbox", self.request("much")), ["spec.containers[0].resources.memory"])

    def test_a_file_beyond_the_limit_of_the_disk_cannot_be_made(self):
        box = self.made()
        self.assertEqual(self.shell(box, "truncate -s 16G /tmp/x && echo made"), b"made\n")
        self.assertEqual(self.shell(box, "truncate -s 17G /tmp/x 2>/dev/null || echo refused"), b"refused\n")
        self.end(box)


def small_disk(mib, folder):
    """A command that runs another one where the service's sandboxes lie on a disk of that size; None if it cannot be."""
    become = [] if os.getuid() == 0 else ["--user", "--map-user=%d" % os.getuid(), "--map-group=%d" % os.getgid(),
                                          "--keep-caps"]
    mount = "mkdir -p -m 700 %s/sandboxes && chmod 700 %s && " \
            "mount -t tmpfs -o size=%dm,mode=700 small %s/sandboxes && " \
            "exec setpriv --ambient-caps=-all --inh-caps=-all \"$@\"" % (folder, folder, mib, folder)
    wrap = ["unshare", "--mount", *become, "sh", "-c", mount, "sh"]
    works = subprocess.run(wrap + ["true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    return wrap if works and shutil.which("unshare") else None


class SmallDisk(Limited, ServiceCase):
    room_mib = 200

    @classmethod
    def make_service(cls, world):
        wrap = small_disk(KEEPS_MIB + cls.room_mib, world.path("local"))
        if not wrap:
            raise services.unittest.SkipTest("this user cannot mount a disk of its own")
        return world.local("--isolation", "bwrap", wrap=wrap)

    def free(self, box):
        """Of the disk the sandbox is on, in MiB."""
        return int(self.shell(box, "stat -f -c '%a %S' / | { read a s; echo $((a * s / 1048576)); }"))

    def test_whoever_fills_the_disk_is_ended_before_a_gibibyte_is_left_and_its_neighbour_lives(self):
        good, bad = self.made(), self.made()
        self.shell(good, "head -c 8M /dev/zero >/tmp/mine")
        least = [self.free(good)]
        self.assertGreater(least[0], 1024)
        fill = "i=0; while [ $i -lt 50 ]; do head -c 16M /dev/zero >/tmp/$i; i=$((i + 1)); sleep .05; done; exec sleep 1000"
        self.assertIsNone(self.run_to_its_end(bad, "sh", "-c", fill))
        self.assertRegex(self.why_failed(bad), r"^this machine's disk is nearly full \(\d+ MiB free\), and its files hold")
        until(lambda: self.free(good) > KEEPS_MIB, "room on the disk", LIMIT)
        self.assertEqual(self.shell(good, "wc -c </tmp/mine"), b"8388608\n")
        self.assertGreater(int(self.get(bad).status.state_reason.split("(")[1].split()[0]), 1024)
        self.end(good)

    def test_a_volume_that_outgrows_its_size_ends_the_sandbox_which_says_so(self):
        box = self.made(mounts=[pb.VolumeMount(volume="data", mount_path="/data")],
                        volumes=[pb.SandboxVolume(name="data", scratch=pb.ScratchVolume(size="32Mi"))])
        self.shell(box, "head -c 20M /dev/zero >/data/fits")
        self.assertIsNone(self.run_to_its_end(box, "sh", "-c", "head -c 60M /dev/zero >/data/x; sync; exec sleep 1000"))
        self.assertRegex(self.why_failed(box), r"^volume data is full: it holds \d+ MiB of at most 32 MiB$")

    def test_folders_nested_too_deep_to_be_counted_end_the_sandbox(self):
        box = self.made()
        nest = "import os, time\nfor _ in range(400):\n os.mkdir('d'); os.chdir('d')\n" \
               "for i in range(20):\n open('fill%d' % i, 'wb').write(bytes(5 << 20)); time.sleep(.5)\ntime.sleep(1000)"
        self.assertIsNone(self.run_to_its_end(box, "python3", "-c", nest))
        self.assertEqual(self.why_failed(box), "its folders are nested deeper than 256")


class FullDisk(Limited, ServiceCase):
    @classmethod
    def make_service(cls, world):
        wrap = small_disk(KEEPS_MIB - 100, world.path("local"))
        if not wrap:
            raise services.unittest.SkipTest("this user cannot mount a disk of its own")
        return world.local("--isolation", "bwrap", wrap=wrap)

    def test_no_sandbox_is_made_where_the_machine_would_not_keep_its_gibibyte(self):
        self.assertEqual(self.info("CreateSandbox", self.request()),
                         (grpc.StatusCode.RESOURCE_EXHAUSTED, "CWSANDBOX_RUNNER_CAPACITY_EXHAUSTED"))


if __name__ == "__main__":
    suite.main()
