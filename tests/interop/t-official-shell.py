"""Terminals through the official SDK: sizes, keys, signals, raw bytes, by both data planes"""
import os

import services  # first: it finds the other helpers
import suite
from services import PLANES, over_every_service


@over_every_service(planes=PLANES)
class TerminalSessions:
    @classmethod
    def begin(cls):
        cls.id = cls.create()

    def session(self, body, command=("/bin/sh",), size=(70, 20)):
        """Runs `body` with a shell session `t` of the SDK; what it prints."""
        return self.inside("""
def rest():
    return b''.join(t.output)
def until(word, seen=b''):
    for data in t.output:
        seen += data
        if word in seen: return seen
    raise AssertionError(seen)
def line(text): t.stdin.writeline(text).result()
t = s.shell(%r, width=%d, height=%d)
%s""" % ((list(command),) + size + (body,)))

    def script(self, line, body="text = rest()\nprint(repr(text.decode()), t.wait(timeout=60))", **kwargs):
        return self.session(body, ("/bin/sh", "-c", line), **kwargs)

    # ---- sizes ----

    def test_size_lines_output_resize_and_exit_are_those_of_the_guide(self):
        out = self.session("""
print(t.returncode)
line('stty size; exit 6')
print(b'20 70' in rest(), t.wait(timeout=60), t.returncode)
""")
        self.assertEqual(out, ["None", "True 6 6"])

    def test_a_resize_reaches_the_program(self):
        out = self.session("""
t.resize(101, 41)
line('until [ "$(stty size)" = "41 101" ]; do sleep 0.1; done; exit 0')
rest()
print(t.wait(timeout=60))
""")
        self.assertEqual(out, ["0"])

    def test_a_resize_is_a_signal_to_the_program(self):
        out = self.script("trap 'stty size; exit 4' WINCH; echo up; while :; do sleep 0.05; done", """
until(b'up')
t.resize(33, 12)
print(b'12 33' in rest(), t.wait(timeout=60))
""")
        self.assertEqual(out, ["True 4"])

    def test_of_many_resizes_the_last_one_stands(self):
        out = self.session("""
for i in range(60): t.resize(60 + i, 20 + i)
line('until [ "$(stty size)" = "79 119" ]; do sleep 0.1; done; exit 0')
rest()
print(t.wait(timeout=60))
""")
        self.assertEqual(out, ["0"])

    def test_small_and_large_sizes_are_kept(self):
        self.assertEqual(self.script("stty size", size=(1, 1)), [repr("1 1\r\n") + " 0"])
        self.assertEqual(self.script("stty size", size=(1000, 500)), [repr("500 1000\r\n") + " 0"])

    # ---- what a terminal is ----

    def test_all_three_descriptors_are_one_terminal_and_it_controls(self):
        self.assertEqual(self.script("test -t 0 && test -t 1 && test -t 2 && : </dev/tty && echo yes"),
                         [repr("yes\r\n") + " 0"])

    def test_a_kind_of_terminal_is_set(self):
        self.assertEqual(self.script("test -n \"$TERM\" && tput cols"), [repr("70\r\n") + " 0"])

    def test_typed_words_are_echoed(self):
        out = self.script("read a; echo \"<$a>\"", "line('hello')\nprint(repr(rest().decode()))")
        self.assertEqual(out, [repr("hello\r\n<hello>\r\n")])

    def test_two_have_terminals_of_their_own(self):
        out = self.inside("ts = [s.shell(['/bin/sh', '-c', 'tty; read x'], width=80, height=24) for _ in range(2)]\n"
                          "names = [next(iter(t.output)) for t in ts]\nprint(names[0] != names[1])\n"
                          "for t in ts:\n t.stdin.writeline('').result()\n t.result(60)")
        self.assertEqual(out, ["True"])

    # ---- keys ----

    def test_ctrl_c_ends_what_runs_and_not_the_shell(self):
        out = self.session("""
line("PS1='go''> '")
until(b'go> ')
line("sh -c 'echo r''uns; exec sleep 1000'")
until(b'runs')
t.stdin.write(b'\\x03').result()
line('echo code=$?; exit 3')
print(b'code=130' in rest(), t.wait(timeout=60))
""")
        self.assertEqual(out, ["True 3"])

    def test_ctrl_d_is_the_end_of_a_program_s_input(self):
        out = self.script("cat; echo after; exit 5", """
line('in')
until(b'in\\r\\nin\\r\\n')
t.stdin.write(b'\\x04').result()
print(b'after' in rest(), t.wait(timeout=60))
""")
        self.assertEqual(out, ["True 5"])

    def test_ctrl_z_stops_what_runs_and_fg_goes_on(self):
        out = self.session("""
line("PS1='go''> '")
until(b'go> ')
line("sh -c 'echo r''uns; read a; echo got $a'")
until(b'runs')
t.stdin.write(b'\\x1a').result()
until(b'go> ')
line('fg')
line('this')
until(b'got this')
line('exit 0')
rest()
print(t.wait(timeout=60))
""", ("/bin/bash", "--norc", "-i"))
        self.assertEqual(out, ["0"])

    def test_ctrl_s_holds_the_output_and_ctrl_q_lets_it_go(self):
        out = self.script("stty ixon; read a; echo after", """
t.stdin.write(b'\\x13').result()
t.stdin.write(b'x\\n\\x11').result()
print(b'after' in rest(), t.wait(timeout=60))
""")
        self.assertEqual(out, ["True 0"])

    # ---- ends ----

    def test_closing_the_input_ends_the_shell(self):
        self.assertEqual(self.session("t.stdin.close().result()\nrest()\nprint(t.wait(timeout=60))"), ["0"])

    def test_closing_the_input_is_an_end_of_file_and_no_hang_up(self):
        out = self.script("cat; echo after; sleep 0.3; echo later; exit 7", """
t.stdin.close().result()
text = rest()
print(b'after' in text, b'later' in text, t.wait(timeout=60))
""")
        self.assertEqual(out, ["True True 7"])

    def test_the_code_of_a_program_that_a_signal_ended_is_above_128(self):
        self.assertEqual(self.script("kill -9 $$", "rest()\nprint(t.wait(timeout=60))"), ["137"])

    def test_a_program_that_is_not_there_ends_with_127(self):
        self.assertEqual(self.session("rest()\nprint(t.wait(timeout=60))", ("/no/such/program",)), ["127"])

    def test_what_is_written_just_before_the_end_is_not_lost(self):
        self.assertEqual(self.script("stty -opost; head -c 300000 /dev/zero; exit 9",
                                     "print(len(rest()), t.wait(timeout=60))"), ["300000 9"])

    def test_a_client_that_goes_takes_its_program_along(self):
        program = "sleep 64%d" % os.getpid()
        self.inside("import os\nt = s.shell(['/bin/sh', '-c', 'echo up; exec %s'], width=80, height=24)\n"
                    "next(iter(t.output))\nos.kill(os.getpid(), 9)" % program, code=-9)
        self.gone(program)

    # ---- bytes ----

    def test_output_is_raw_bytes_with_stdout_and_stderr_merged(self):
        out = self.script("printf '\\033[31mred\\n'; printf 'err\\n' >&2", "print(rest())")
        self.assertEqual(out, [repr(b"\x1b[31mred\r\nerr\r\n")])

    def test_words_of_other_alphabets_go_both_ways(self):
        out = self.script("read a; printf '<%s>' \"$a\"", "line('grüße, 世界 🚀')\nprint('<grüße, 世界 🚀>' in rest().decode())")
        self.assertEqual(out, ["True"])

    def test_two_hundred_thousand_lines_come_unchanged(self):
        out = self.script("stty -opost; seq 200000", "text = rest()\n"
                          "print(text == b''.join(b'%d\\n' % i for i in range(1, 200001)), t.wait(timeout=60))")
        self.assertEqual(out, ["True 0"])

    def test_a_paste_of_200_kilobytes_arrives_unchanged(self):
        out = self.script("stty raw -echo; echo ready; head -c 200000 | sha256sum", """
import hashlib
data = bytes(range(250)) * 800
until(b'ready')
for i in range(0, len(data), 1000): t.stdin.write(data[i:i + 1000]).result()
print(hashlib.sha256(data).hexdigest() in rest().decode(), t.wait(timeout=60))
""")
        self.assertEqual(out, ["True 0"])


if __name__ == "__main__":
    suite.main()
