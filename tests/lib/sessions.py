"""sessions - what the tests of whole sessions share: a service, a daemon, a sandbox, shells with a known prompt"""
import json

import mpack
from terminal import until
from world import SharedWorldCase

PROMPT = "go>"
LEAD = "\x1cl"  # and l: take the lead
DETACH = "\x1cd"  # Ctrl-\ then d
OUT_OF_TURN = 254  # attach's code when another client or a policy ended it
UNREACHED = 255  # attach's code when the session could not be reached, or ended without a code


class SessionCase(SharedWorldCase):
    """One service, one daemon and one sandbox for the tests of a class."""

    plaintext = False

    @classmethod
    def prepare(cls):
        cls.service = cls.world.use(cls.world.local(plaintext=cls.plaintext))
        cls.daemon = cls.world.daemon()
        cls.sandbox = cls.world.ok("create")
        cls.count = 0

    def name(self):
        type(self).count += 1
        return "t%d" % self.count

    def shell(self, name=None, cols=80, rows=24, options=(), command=("/bin/sh",)):
        """A new session on a terminal, at its first prompt; its name is `.session`."""
        name = name or self.name()
        t = self.world.terminal("new", "-s", name, "--env", "PS1=%s " % PROMPT, *options, self.sandbox, "--", *command,
                                cols=cols, rows=rows)
        t.session = name
        return t.see_line(PROMPT)

    def attach(self, name, *options, cols=80, rows=24):
        t = self.world.terminal("attach", *options, name, cols=cols, rows=rows)
        t.session = name
        return t

    def described(self, name):
        return self.world.session(name)

    def clients(self, name):
        return self.described(name)["clients"]

    def wait_state(self, name, *states):
        until(lambda: (self.described(name) or {}).get("state") in states, "state %s of %s" % (states, name))
        return self.described(name)

    def peer(self):
        """A raw connection to the daemon, with this world's endpoint."""
        env = self.world.env
        endpoint = {"url": env["CWSANDBOX_BASE_URL"]}
        if "CWSANDBOX_CA_FILE" in env:
            endpoint["ca_file"] = env["CWSANDBOX_CA_FILE"]
        return mpack.Peer(self.world.socket_path, {"endpoint": endpoint, "key": env["CWSANDBOX_API_KEY"],
                                                   "key_with_url": True})

    def status(self):
        return json.loads(self.world.ok("daemon", "status", "--json"))

    def assert_sane(self, terminal):
        self.assertEqual(terminal.harm(), [])


def shown(terminal):
    """The lines with something in them."""
    return [line for line in terminal.screen.lines() if line]


def at_prompt(terminal):
    """Waits until the shell asks for a command. What is typed earlier is echoed before the prompt, and the command's
    first line then stands behind it."""
    until(lambda: terminal.screen.line(terminal.screen.y) == PROMPT, "a prompt on " + terminal.name())
    return terminal
