#!/usr/bin/env python3
"""Snapshots with our own command line: made, shown, restored, removed, taken at a stop; what cannot be is told"""
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import suite
from terminal import until
from world import SharedWorldCase, read

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Snapshots(SharedWorldCase):
    @classmethod
    def prepare(cls):
        w = cls.world
        service = w.use(w.local())
        if "isolation none" in read(service.process.errors):
            raise unittest.SkipTest("volumes can only be mounted with bwrap, which does not work here")
        cls.box = w.ok("create", "--scratch", "data:/srv/data")
        w.ok("exec", cls.box, "--", "sh", "-c", "echo kept >/srv/data/f")

    def fails(self, *args, code=1):
        done = self.world.cli(*args)
        self.assertEqual((done.returncode, done.stdout), (code, b""))
        return done.stderr.decode().splitlines()[-1]

    def test_a_snapshot_is_made_shown_restored_and_removed(self):
        w = self.world
        made = w.ok("snapshots", "create", self.box)
        self.assertRegex(made, "^%s$" % UUID)
        shown = json.loads(w.ok("snapshots", "get", made, "-o", "json"))
        self.assertEqual(list(shown), ["file_system_snapshot_id", "status", "status_reason", "size_bytes",
                                       "source_sandbox_id", "trigger", "request_id", "object_bucket",
                                       "source_volume_name", "created_at", "updated_at", "completed_at"])
        self.assertEqual((shown["status"], shown["source_sandbox_id"], shown["trigger"], shown["source_volume_name"]),
                         ("ready", self.box, "manual", "data"))
        self.assertRegex(shown["created_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00$")
        row = w.ok("snapshots", "list", "--source-sandbox-id", self.box, "-s", "ready")
        self.assertRegex(row, r"(?m)^%s +ready +%s +manual +%d \d{4}-" % (made, self.box, shown["size_bytes"]))
        again = w.ok("create", "--scratch", "data:/elsewhere", "--restore", "data=" + made)
        self.assertEqual(w.ok("exec", again, "--", "cat", "/elsewhere/f"), "kept")
        self.assertEqual(w.ok("snapshots", "delete", made), "Deleted %s." % made)
        until(lambda: w.cli("snapshots", "get", made).returncode == 1, "the end of what is being deleted")
        self.assertEqual(w.ok("snapshots", "delete", made, "--missing-ok", "-q"), "")
        self.assertEqual(self.fails("snapshots", "get", made), "Error: Get file-system snapshot failed "
                         "(CWSANDBOX_FSS_NOT_FOUND): there is no such snapshot")
        self.assertEqual(w.ok("snapshots", "list", "-s", "failed"), "No snapshots found.")
        self.assertEqual(w.ok("snapshots", "list", "-s", "failed", "-o", "json"), "[]")
        w.ok("stop", again, "--graceful-shutdown-seconds", "0")

    def test_a_stop_keeps_the_volume_and_the_same_request_keeps_it_once(self):
        w = self.world
        box = w.ok("create", "--scratch", "data:/data", "--", "sh", "-c", "trap 'echo last >/data/f; exit' TERM; while :; do sleep .1; done")
        said = w.ok("stop", box, "--snapshot-on-stop")
        found = re.fullmatch(r"Stopped sandbox %s\. Snapshot (%s)\." % (box, UUID), said)
        self.assertTrue(found, said)
        shown = json.loads(w.ok("snapshots", "get", found.group(1), "-o", "json"))
        self.assertEqual((shown["status"], shown["trigger"]), ("ready", "on_delete"))
        self.assertIn("already stopped", self.fails("stop", box, "--snapshot-on-stop"))
        key = ["snapshots", "create", self.box, "--request-id", "once", "--no-wait"]
        self.assertEqual(w.ok(*key), json.loads(w.ok(*key, "-o", "json"))["file_system_snapshot_id"])

    def test_of_several_volumes_one_is_named(self):
        w = self.world
        box = w.ok("create", "--scratch", "one:/one", "--scratch", "two:/two", "--", "sh", "-c", "exec sleep 1000")
        self.assertEqual(self.fails("snapshots", "create", box),
                         "Error: Sandbox %s has 2 scratch volumes: one, two; choose one with --volume" % box)
        self.assertEqual(self.fails("snapshots", "create", box, "--volume", "three"),
                         "Error: Sandbox %s has no scratch volume three; it has: one, two" % box)
        made = w.ok("snapshots", "create", box, "--volume", "two")
        self.assertEqual(json.loads(w.ok("snapshots", "get", made, "-o", "json"))["source_volume_name"], "two")
        w.ok("snapshots", "delete", made)
        self.assertIn("CWSANDBOX_FSS_NOT_FOUND", self.fails("snapshots", "delete", made))
        w.ok("delete", box)

    def test_what_cannot_be_is_told_in_the_official_words(self):
        plain = self.world.ok("create")
        self.assertEqual(self.fails("snapshots", "create", plain), "Error: Create file-system snapshot failed "
                         "(CWSANDBOX_FSS_NOT_SUPPORTED): sandbox %s has no scratch volume" % plain)
        self.assertEqual(self.fails("stop", plain, "--snapshot-on-stop"),
                         "Error: Cannot snapshot on stop: sandbox has no known scratch volumes")
        self.assertEqual(self.fails("snapshots", "create", "nope"), "Error: Sandbox 'nope' not found")
        self.assertEqual(self.fails("stop", "nope", "--snapshot-on-stop"), "Error: Sandbox 'nope' not found")
        self.assertEqual(self.fails("create", "--scratch", "a:/a", "--restore", "a=nope"), "Error: Create sandbox failed "
                         "(CWSANDBOX_FSS_NOT_FOUND): there is no snapshot to restore volume a from")
        self.assertEqual(self.fails("create", "--scratch", "a:/a", "--restore", "b=x", code=2),
                         "Error: Invalid value for '--restore': 'b=x' names no --scratch volume.")
        self.assertEqual(self.fails("create", "--scratch", "a:relative"), "Error: Create sandbox failed: the sandbox's spec "
                         "is not valid; field violations: spec.containers[0].volume_mounts[0].mount_path: must be an "
                         "absolute path without . and .., not / and not in /proc or /dev")


if __name__ == "__main__":
    suite.main()
