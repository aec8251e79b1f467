"""tour - what quickstart shows, as a script: create, attach, detach, come back from another terminal, leave

Prints the transcript; exit code 0 only if all of it happened. Usage: tour.py BUILD_DIR
"""
import json
import os
import subprocess
import sys

from terminal import Terminal, close_all, until

DETACH = "\x1cd"  # Ctrl-\ then d


class Tour:
    def __init__(self, build):
        self.client = os.path.join(build, "cwsandbox")
        self.name = "tour-%d" % os.getpid()
        self.sandbox = None

    def say(self, words):
        print(words, flush=True)

    def run(self, *args):
        self.say("$ cwsandbox " + " ".join(args))
        done = subprocess.run([self.client] + list(args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120)
        out = done.stdout.decode("utf-8", "replace").rstrip("\n")
        if out:
            self.say(out)
        if done.stderr:
            self.say(done.stderr.decode("utf-8", "replace").rstrip("\n"))
        assert done.returncode == 0, "cwsandbox %s: exit %d" % (args[0], done.returncode)
        return out

    def open(self, *args):
        self.say("$ cwsandbox " + " ".join(args))
        env = dict(os.environ, TERM="xterm-256color", CWSANDBOX_PROBE="no")  # this terminal answers nothing
        return Terminal([self.client] + list(args), env=env, cols=80, rows=24)

    def show(self, terminal):
        for line in shown(terminal):
            self.say("  | " + line)

    def leave(self, terminal, code, how):
        got = terminal.exit_code()
        self.say("%s: exit code %d" % (how, got))
        assert got == code, "exit code %d, not %d" % (got, code)
        harm = terminal.harm()
        assert not harm, "the terminal is not as it was: " + ", ".join(harm)

    def state(self):
        listed = subprocess.run([self.client, "sessions", "--json"], stdout=subprocess.PIPE, timeout=60, check=True)
        return next((s["state"] for s in json.loads(listed.stdout) if s["name"] == self.name), None)

    def play(self):
        self.sandbox = self.run("create")
        first = self.open("new", "-s", self.name, self.sandbox)
        until(lambda: shown(first), "a prompt")
        first.type("PS1='sandbox$ '; clear\r").see_line("sandbox$")
        first.type("echo $((6*7)) is the answer\r").see_line("42 is the answer")
        until(lambda: first.screen.text().endswith("sandbox$"), "the prompt after it")
        self.show(first)
        before = shown(first)
        first.type(DETACH)
        self.leave(first, 0, "detached with Ctrl-\\ d")
        self.run("sessions")
        assert self.state() == "running", "the session did not outlive its terminal"
        second = self.open("attach", self.name)
        until(lambda: shown(second)[-len(before):] == before, "the same screen on the second terminal")
        self.show(second)
        self.say("(the same screen, on another terminal)")
        second.type("exit 7\r")
        self.leave(second, 7, "the shell ended with 'exit 7'")
        self.run("delete", self.sandbox)
        self.sandbox = None

    def clean_up(self):
        close_all()
        if self.sandbox:
            subprocess.run([self.client, "delete", "--quiet", "--missing-ok", self.sandbox], timeout=60, check=False)


def shown(terminal):
    return [line for line in terminal.screen.lines() if line]


def main():
    tour = Tour(os.path.abspath(sys.argv[1]))
    try:
        tour.play()
    except (AssertionError, subprocess.SubprocessError) as err:
        print("quickstart: this did not happen: %s" % err, file=sys.stderr)
        sys.exit(1)
    finally:
        tour.clean_up()
    print("All of it happened. Your turn: run ./quickstart in a terminal.")


if __name__ == "__main__":
    main()
