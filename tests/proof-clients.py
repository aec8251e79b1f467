#!/usr/bin/env python3
"""cwsandbox-local by clients that are not ours: `make proof-clients`. Not part of `make check`: they are fetched from
the registries of Go and npm, by their usual clients, into a folder that is removed again. What cannot be had is skipped.
"""
import os
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "lib"))
import suite
from terminal import until
from world import SOURCE, SharedWorldCase

H2SPEC = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"
GRPCURL = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.1"
GRPC_GO = "google.golang.org/grpc@v1.76.0"
GRPC_JS = "@grpc/grpc-js@1.14.0"
SERVICE = "coreweave.sandbox.v1.SandboxService"


class Clients(SharedWorldCase):
    @classmethod
    def prepare(cls):
        cls.service = cls.world.use(cls.world.local())
        cls.world.daemon()
        cls.sandbox = cls.world.ok("create", "--", "sh", "-c", "echo begun; exec sleep infinity")
        until(lambda: cls.world.ok("logs", cls.sandbox) == "begun", "the main process")
        cls.target = cls.service.url.split("//")[1]
        cls.box = cls.world.path("clients")
        os.mkdir(cls.box)

    def fetch(self, tool, *argv, cwd=None):
        """Runs a registry's client with the caller's own settings; skips when the tool or the registry is not there."""
        if not shutil.which(tool):
            raise unittest.SkipTest("%s is not installed" % tool)
        env = dict(os.environ, GOBIN=self.box, GOFLAGS="-mod=mod")
        done = subprocess.run([tool, *argv], cwd=cwd or self.box, env=env, stdin=subprocess.DEVNULL, timeout=600,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            raise unittest.SkipTest("%s: %s" % (" ".join([tool, *argv]), done.stdout.decode()[-300:].replace("\n", " ")))

    def says(self, argv, cwd=None):
        done = subprocess.run(argv, cwd=cwd or self.box, env=dict(self.world.env, HOME=self.box), timeout=300,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")

    def check(self, argv, cwd=None):
        code, out, err = self.says([*argv, self.target, self.service.ca_file, self.service.key, self.sandbox], cwd)
        self.assertEqual(code, 0, err)
        self.assertRegex(out, r"(?i)refused unauthenticated")
        for method, answer in (("GetSandbox", self.sandbox), ("StreamLogs", "begun"), ("StreamExec", "from the program")):
            self.assertIn(answer, out[out.index(method):], method)

    def test_h2spec_finds_nothing_wrong_by_tls_and_in_clear_text(self):
        self.fetch("go", "install", H2SPEC)
        clear = self.world.local(plaintext=True, name="clear").url.split(":")[2]
        for port, options in ((self.target.split(":")[1], ["-t", "-k"]), (clear, [])):
            code, out, _ = self.says([os.path.join(self.box, "h2spec"), "-h", "127.0.0.1", "-p", port, "-o", "5", *options])
            self.assertEqual(code, 0, out[-3000:])
            self.assertRegex(out, r"14\d tests, 14\d passed, 0 skipped, 0 failed")

    def test_grpcurl_makes_calls_by_our_proto_files(self):
        self.fetch("go", "install", GRPCURL)
        argv = [os.path.join(self.box, "grpcurl"), "-cacert", self.service.ca_file, "-import-path",
                os.path.join(SOURCE, "proto"), "-proto", "coreweave/sandbox/v1/sandbox.proto"]
        key = ["-H", "authorization: Bearer " + self.service.key]
        code, out, err = self.says(argv + key + ["-d", '{"sandbox_id": "%s"}' % self.sandbox, self.target,
                                                 SERVICE + "/GetSandbox"])
        self.assertEqual(code, 0, err)
        self.assertIn("STATE_RUNNING", out)
        init = '{"init": {"sandbox_id": "%s", "command": ["sh", "-c", "exit 5"]}}' % self.sandbox
        code, out, err = self.says(argv + key + ["-d", init, self.target, SERVICE + "/StreamExec"])
        self.assertEqual(code, 0, err)
        self.assertRegex(out, r'"exitCode": 5')
        code, _, err = self.says(argv + ["-d", "{}", self.target, SERVICE + "/ListSandboxes"])
        self.assertNotEqual(code, 0)
        self.assertIn("Unauthenticated", err)

    def test_grpc_go_makes_calls(self):
        folder = os.path.join(self.box, "go")
        os.mkdir(folder)
        shutil.copy(os.path.join(HERE, "clients", "client.go"), os.path.join(folder, "main.go"))
        self.fetch("go", "mod", "init", "client", cwd=folder)
        self.fetch("go", "get", GRPC_GO, cwd=folder)
        self.fetch("go", "build", "-o", "client", ".", cwd=folder)
        self.check([os.path.join(folder, "client")])

    def test_grpc_js_makes_calls(self):
        folder = os.path.join(self.box, "js")
        os.mkdir(folder)
        shutil.copy(os.path.join(HERE, "clients", "client.js"), folder)
        self.fetch("npm", "install", "--no-audit", "--no-fund", "--prefix", folder, GRPC_JS, cwd=folder)
        self.check(["node", "client.js"], cwd=folder)


if __name__ == "__main__":
    suite.main()
