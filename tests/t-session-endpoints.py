#!/usr/bin/env python3
"""One daemon, several endpoints: each client reaches the service of its own environment, with its own key"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import suite
from sessions import PROMPT, SessionCase
from world import WorldCase


class Endpoints(SessionCase):
    @classmethod
    def prepare(cls):
        super().prepare()
        cls.other = cls.world.local(name="other", plaintext=True)
        cls.elsewhere = dict(cls.other.environment(), CWSANDBOX_CA_FILE="")

    def test_two_shells_with_different_urls_reach_different_services(self):
        there = self.world.ok("create", env=self.elsewhere)
        self.assertIn(there, self.world.ok("ls", env=self.elsewhere))
        self.assertNotIn(there, self.world.ok("ls"))
        self.assertNotIn(self.sandbox, self.world.ok("ls", env=self.elsewhere))
        self.assertEqual(self.world.ok("exec", there, "echo", "there", env=self.elsewhere), "there")
        self.assertEqual(self.world.ok("exec", self.sandbox, "echo", "here"), "here")
        endpoints = {c["endpoint"] for c in self.status()["connections"]}
        self.assertEqual(len(endpoints), 2)

    def test_a_rejected_key_does_not_touch_the_good_one_of_the_same_url(self):
        t = self.shell()
        wrong = {"CWSANDBOX_API_KEY": "another-key"}
        for _ in range(3):
            done = self.world.cli("ls", env=wrong)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"Authentication failed", done.stderr)
            t.type("echo still $((1+1))\r").see_line("still 2")
            t.type("clear 2>/dev/null || printf '\\033[2J\\033[H'\r").see(PROMPT)
        self.assertIn(self.sandbox, self.world.ok("ls"))

    def test_a_key_is_never_shown(self):
        key = self.service.key
        self.assertGreater(len(key), 20)
        for args in (("daemon", "status", "--json"), ("sessions", "--json"), ("ls",)):
            self.assertNotIn(key, self.world.ok(*args))
        for name in ("cmdline", "environ"):
            with open("/proc/%d/%s" % (self.daemon.pid, name), "rb") as f:
                self.assertNotIn(key.encode(), f.read())
        self.assertNotIn(key, self.world.ok("exec", self.sandbox, "env"))


class FirstClient(WorldCase):
    def test_a_key_or_an_auth_mode_without_a_url_never_means_the_service_on_this_machine(self):
        self.world.ok("ls", env=self.world.local(plaintext=True).environment())  # starts the daemon
        # a proxy is refused for any service but a local one, before anything is sent: no network is needed
        for given in ({"CWSANDBOX_API_KEY": "k"}, {"CWSANDBOX_AUTH": "wandb", "WANDB_API_KEY": "k"},
                      {"WANDB_API_KEY": "k"}):
            env = {"HTTPS_PROXY": "http://127.0.0.1:9"}
            env.update(given)
            with self.subTest(given=given):
                done = self.world.cli("ls", env=env)
                self.assertEqual((done.returncode, done.stdout), (1, b""))
                self.assertIn(b"roxies are not supported", done.stderr)


if __name__ == "__main__":
    suite.main()
