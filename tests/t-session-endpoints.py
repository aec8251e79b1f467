#!/usr/bin/env python3
"""One daemon, several endpoints: each client reaches the service of its own environment, with its own key"""
import os
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import suite
from sessions import SessionCase, at_prompt
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
        for n in range(3):
            done = self.world.cli("ls", env=wrong)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"Authentication failed", done.stderr)
            at_prompt(t).type("echo still $((%d+10))\r" % n).see_line("still %d" % (n + 10))
        self.assertIn(self.sandbox, self.world.ok("ls"))

    def test_a_key_is_never_shown(self):
        key = self.service.key
        self.assertGreater(len(key), 20)
        for args in (("daemon", "status", "--json"), ("sessions", "--json"), ("ls",)):
            self.assertNotIn(key, self.world.ok(*args))
        for name in ("cmdline", "environ"):
            try:
                with open("/proc/%d/%s" % (self.daemon.pid, name), "rb") as f:
                    self.assertNotIn(key.encode(), f.read())
            except PermissionError:
                self.assertNotEqual(os.geteuid(), 0)  # hidden from all but root: so be it
        self.assertNotIn(key, self.world.ok("exec", self.sandbox, "env"))


class Proxy(threading.Thread):
    """Refuses every CONNECT and remembers for whom it was."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.asked = []

    def run(self):
        while True:
            try:
                s = self.listener.accept()[0]
            except OSError:
                return
            with s:
                self.asked.append(s.recv(4096).split(b"\r\n")[0])
                s.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")


class FirstClient(WorldCase):
    def test_a_key_or_an_auth_mode_without_a_url_never_means_the_service_on_this_machine(self):
        self.world.ok("ls", env=self.world.local(plaintext=True).environment())  # starts the daemon
        proxy = Proxy()  # so that nothing leaves this machine
        proxy.start()
        for given in ({"CWSANDBOX_API_KEY": "k"}, {"CWSANDBOX_AUTH": "wandb", "WANDB_API_KEY": "k"},
                      {"WANDB_API_KEY": "k"}):
            with self.subTest(given=given):
                proxy.asked.clear()
                done = self.world.cli("ls", env=dict(given, HTTPS_PROXY=proxy.url))
                self.assertEqual((done.returncode, done.stdout), (1, b""))
                self.assertEqual(proxy.asked[:1], [b"CONNECT api.cwsandbox.com:443 HTTP/1.1"])
        proxy.listener.close()


if __name__ == "__main__":
    suite.main()
