"""Snapshots of scratch volumes through the official client: made, listed, restored, deleted, and refused"""
import json
import os

import services  # first: it finds the other helpers
import suite
from services import over_every_service

counter = iter(range(1 << 30))


@over_every_service()
class Snapshots:
    @classmethod
    def begin(cls):
        cls.id, cls.mount = cls.with_volumes("data")
        cls.fill("echo one >a; mkdir -p d/e; echo two >d/e/b; ln -s d/e/b link; printf '#!/bin/sh\\necho ran' >run; "
                 "chmod 755 run; chmod 600 a; : >'z last'; echo x >'blank name'")
        cls.snapshot = cls.official_ok("snapshots", "create", cls.id).decode().strip()

    @classmethod
    def with_volumes(cls, *names, restore=None):
        """A sandbox with scratch volumes of those names, and where the first is mounted."""
        mounts = ["/tmp/cws-volume-%d-%d" % (os.getpid(), next(counter)) for _ in names]
        volumes = [dict(name=n, mount_path=m, restore_from_snapshot_id=restore) for n, m in zip(names, mounts)]
        box = cls.sdk("s = cwsandbox.Sandbox.run('sleep', 'infinity', container_image='python:3.11', volumes=["
                      "cwsandbox.ScratchVolumeOptions(**v) for v in %r])\ns.wait(60)\nprint(s.sandbox_id)" % volumes)
        return box.splitlines()[-1], mounts[0]

    @classmethod
    def fill(cls, line, box=None, mount=None):
        code, out, err = cls.shell("cd %s && %s" % (mount or cls.mount, line), box)
        assert code == 0, err
        return out.decode()

    def shown(self, snapshot):
        return json.loads(self.official_ok("snapshots", "get", snapshot, "-o", "json"))

    def refused(self, line):
        """Class and words of what a line raises."""
        return self.sdk("try:\n %s\nexcept Exception as e:\n print(type(e).__name__); print(e)" % line).splitlines()

    # ---- made ----

    def test_a_snapshot_is_ready_when_the_command_returns(self):
        shown = self.shown(self.snapshot)
        self.assertEqual((shown["file_system_snapshot_id"], shown["status"], shown["trigger"]),
                         (self.snapshot, "ready", "manual"))
        self.assertEqual((shown["source_sandbox_id"], shown["source_volume_name"]), (self.id, "data"))
        self.assertGreater(shown["size_bytes"], 0)
        self.assertTrue(shown["created_at"] and shown["completed_at"])

    def test_the_table_shows_it_in_one_row(self):
        out = self.official_ok("snapshots", "get", self.snapshot).decode()
        self.assertRegex(out, r"(?m)^%s +ready +%s +manual +\d+ \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$" % (self.snapshot, self.id))

    def test_json_of_a_new_one_is_its_id(self):
        out = json.loads(self.official_ok("snapshots", "create", self.id, "-o", "json"))
        self.assertEqual(list(out), ["file_system_snapshot_id"])
        self.official_ok("snapshots", "delete", out["file_system_snapshot_id"])

    def test_without_waiting_it_is_there_at_once_and_ready_later(self):
        made = self.official_ok("snapshots", "create", "--no-wait", self.id).decode().strip()
        out = self.sdk("import time\nfor _ in range(300):\n s = cwsandbox.Sandbox.get_snapshot(%r).result()\n"
                       " if s.status.value != 'creating': break\n time.sleep(0.1)\nprint(s.status.value)" % made)
        self.assertEqual(out, "ready")
        self.official_ok("snapshots", "delete", made)

    def test_the_same_request_makes_one(self):
        first, again = (self.official_ok("snapshots", "create", "--request-id", "once", self.id) for _ in range(2))
        self.assertEqual(first, again)
        self.assertEqual(self.shown(first.decode().strip())["request_id"], "once")
        self.official_ok("snapshots", "delete", first.decode().strip())

    # ---- restored ----

    def test_a_restored_volume_has_every_file_link_and_mode(self):
        box, mount = self.with_volumes("again", restore=self.snapshot)
        look = "find . | sort; cat a d/e/b link; ./run; stat -c '%a %s' a run 'z last'"
        self.assertEqual(self.fill(look, box, mount), self.fill(look))
        self.official_ok("delete", box)

    def test_what_is_changed_later_is_not_in_the_snapshot(self):
        box, mount = self.with_volumes("v")
        self.fill("echo then >f", box, mount)
        made = self.official_ok("snapshots", "create", box).decode().strip()
        self.fill("echo now >f; echo new >g", box, mount)
        other, there = self.with_volumes("v", restore=made)
        self.assertEqual(self.fill("ls; cat f", other, there), "f\nthen\n")
        self.fill("echo mine >f", other, there)
        self.assertEqual(self.fill("cat f", box, mount), "now\n")

    def test_a_snapshot_outlives_its_sandbox(self):
        box, mount = self.with_volumes("v")
        self.fill("echo kept >f", box, mount)
        made = self.official_ok("snapshots", "create", box).decode().strip()
        self.official_ok("stop", "--graceful-shutdown-seconds", "0", box)
        other, there = self.with_volumes("v", restore=made)
        self.assertEqual(self.fill("cat f", other, there), "kept\n")

    def test_an_empty_volume_is_kept_and_restored(self):
        box, _ = self.with_volumes("v")
        made = self.official_ok("snapshots", "create", box).decode().strip()
        other, there = self.with_volumes("v", restore=made)
        self.assertEqual(self.fill("ls -A", other, there), "")

    def test_twenty_megabytes_that_do_not_shrink_come_back(self):
        box, mount = self.with_volumes("v")
        self.fill("head -c 20000000 /dev/urandom >f", box, mount)
        made = self.official_ok("snapshots", "create", box).decode().strip()
        other, there = self.with_volumes("v", restore=made)
        self.assertEqual(self.fill("sha256sum f", other, there), self.fill("sha256sum f", box, mount))

    def test_a_restore_of_what_is_not_there_is_refused(self):
        name, words = self.refused("cwsandbox.Sandbox.run('sleep', 'infinity', container_image='python:3.11', volumes=["
                                   "cwsandbox.ScratchVolumeOptions(name='v', mount_path='/tmp/v', "
                                   "restore_from_snapshot_id='nope')]).wait(60)")
        self.assertEqual(name, "SnapshotNotFoundError", words)

    # ---- on stop ----

    def test_a_stop_with_a_snapshot_names_it_and_it_is_ready(self):
        box, mount = self.with_volumes("v")
        self.fill("echo at the end >f", box, mount)
        said = self.official_ok("stop", "--snapshot-on-stop", "--graceful-shutdown-seconds", "0", box).decode()
        self.assertRegex(said, r"^Stopped sandbox %s\. Snapshot \S+\.\n$" % box)
        made = said.split()[-1].rstrip(".")
        self.assertEqual((self.shown(made)["status"], self.shown(made)["trigger"]), ("ready", "on_delete"))
        other, there = self.with_volumes("v", restore=made)
        self.assertEqual(self.fill("cat f", other, there), "at the end\n")

    def test_a_stop_archives_every_volume(self):
        box, _ = self.with_volumes("one", "two")
        self.official_ok("stop", "--snapshot-on-stop", "--graceful-shutdown-seconds", "0", box)
        rows = json.loads(self.official_ok("snapshots", "list", "--source-sandbox-id", box, "-o", "json"))
        self.assertEqual({r["source_volume_name"] for r in rows}, {"one", "two"})

    # ---- listed and deleted ----

    def test_all_are_listed_over_pages_each_once(self):
        box, _ = self.with_volumes("v")
        made = {self.official_ok("snapshots", "create", box).decode().strip() for _ in range(5)}
        rows = json.loads(self.official_ok("snapshots", "list", "--source-sandbox-id", box, "-o", "json"))
        self.assertEqual(sorted(r["file_system_snapshot_id"] for r in rows), sorted(made))

    def test_the_list_is_filtered_by_state(self):
        rows = json.loads(self.official_ok("snapshots", "list", "-s", "ready", "-o", "json"))
        self.assertIn(self.snapshot, [r["file_system_snapshot_id"] for r in rows])
        self.assertEqual(self.official_ok("snapshots", "list", "-s", "failed"), b"No snapshots found.\n")

    def test_a_deleted_one_is_gone(self):
        made = self.official_ok("snapshots", "create", self.id).decode().strip()
        self.assertEqual(self.official_ok("snapshots", "delete", made).decode(), "Deleted %s.\n" % made)
        out = self.sdk("import time\ntry:\n for _ in range(300):\n  s = cwsandbox.Sandbox.get_snapshot(%r).result()\n"
                       "  assert s.status.value == 'deleting', s\n  time.sleep(0.1)\n"
                       "except Exception as e:\n print(type(e).__name__)" % made)
        self.assertEqual(out, "SnapshotNotFoundError")  # until its files are gone it is shown as going

    def test_a_missing_one_is_called_missing_and_may_be_missed(self):
        for command in ("get", "delete"):
            code, out, err = self.official("snapshots", command, "nope")
            self.assertEqual((code, out), (1, b""))
            self.assertRegex(err, rb"^Error: .*(not found|CWSANDBOX_FSS_NOT_FOUND)")
        self.assertEqual(self.official_ok("snapshots", "delete", "--missing-ok", "nope"), b"Deleted nope.\n")

    # ---- refused ----

    def test_a_sandbox_without_a_volume_has_nothing_to_keep(self):
        name, words = self.refused("cwsandbox.Sandbox.from_id(%r).result().snapshot().result()" % self.create())
        self.assertEqual(name, "SnapshotNotSupportedError", words)

    def test_an_ended_sandbox_is_refused(self):
        box, _ = self.with_volumes("v")
        self.official_ok("stop", "--graceful-shutdown-seconds", "0", box)
        self.assertEqual(self.official("snapshots", "create", box)[0], 1)

    def test_an_unknown_sandbox_is_not_found(self):
        self.assertEqual(self.official("snapshots", "create", "nope"), (1, b"", b"Error: Sandbox 'nope' not found\n"))


if __name__ == "__main__":
    suite.main()
