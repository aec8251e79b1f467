"""The official Python SDK, unmodified, against our service and against the independent one"""
import json

import services  # first: it finds the other helpers
import suite
from services import over_every_service
from terminal import until


@over_every_service()
class Sandboxes:
    def test_a_sandbox_is_created_used_and_stopped_in_one_block(self):
        out = self.sdk("""
with cwsandbox.Sandbox.run('sleep', 'infinity', container_image='python:3.11', tags=['block'],
                           environment_variables={'GREETING': 'good day'}) as s:
    r = s.exec(['sh', '-c', 'echo $GREETING; echo err >&2; exit 4']).result()
    print(repr((r.stdout, r.stderr, r.returncode)))
print(s.status)
""").splitlines()
        self.assertEqual(out[0], repr(("good day\n", "err\n", 4)))
        self.assertIn(out[1], ("terminated", "completed"))

    def test_list_finds_by_tag_across_pages(self):
        out = self.sdk("""
import json
made = [cwsandbox.Sandbox.run('sleep', 'infinity', container_image='python:3.11', tags=['many']) for _ in range(5)]
for s in made: s.wait(60)
found = cwsandbox.Sandbox.list(tags=['many']).result()
print(json.dumps([sorted(s.sandbox_id for s in made), sorted(s.sandbox_id for s in found)]))
for s in made: cwsandbox.Sandbox.delete(s.sandbox_id).result()
""")
        made, found = json.loads(out.splitlines()[-1])
        self.assertEqual(made, found)

    def test_exec_with_stdin_reads_it_to_its_end(self):
        self.assertEqual(self.sdk("""
s = cwsandbox.Sandbox.run('sleep', 'infinity', container_image='python:3.11')
p = s.exec(['cat'], stdin=True)
for i in range(200):
    p.stdin.write(bytes([i]) * 1000).result()
p.stdin.close().result()
r = p.result()
print(r.returncode, r.stdout_bytes == b''.join(bytes([i]) * 1000 for i in range(200)))
s.stop().result()
""").splitlines()[-1], "0 True")

    def test_twenty_commands_run_at_once_and_each_gets_its_own_output(self):
        self.assertEqual(self.sdk("""
s = cwsandbox.Sandbox.run('sleep', 'infinity', container_image='python:3.11')
ps = [s.exec(['sh', '-c', 'sleep 0.2; echo %d; exit %d' % (i, i)]) for i in range(20)]
rs = [p.result() for p in ps]
print(all(r.stdout == '%d\\n' % i and r.returncode == i for i, r in enumerate(rs)))
s.stop().result()
""").splitlines()[-1], "True")

    def test_files_are_written_and_read_back(self):
        self.assertEqual(self.sdk("""
s = cwsandbox.Sandbox.run('sleep', 'infinity', container_image='python:3.11')
d = s.exec(['mktemp', '-d']).result().stdout.strip()
data = bytes(range(256)) * 512
s.write_file(d + '/f', data).result()
print(s.read_file(d + '/f').result() == data)
s.stop().result()
""").splitlines()[-1], "True")

    def test_an_operation_on_a_stopped_sandbox_says_so(self):
        out = self.sdk("""
s = cwsandbox.Sandbox.run('sleep', 'infinity', container_image='python:3.11')
s.wait(60)
other = cwsandbox.Sandbox.from_id(s.sandbox_id).result()
s.stop().result()
try:
    other.read_file('/etc/hostname').result()
except cwsandbox.CWSandboxError as e:
    print('refused')
""")
        self.assertEqual(out.splitlines()[-1], "refused")


@over_every_service()
class TerminalSessions:
    @classmethod
    def begin(cls):
        cls.id = cls.create()

    def session(self, body, command=("/bin/sh",)):
        """Runs `body` with a shell session `t` of the SDK; what it prints."""
        return self.sdk("s = cwsandbox.Sandbox.from_id(%r).result()\nt = s.shell(%r, width=70, height=20)\n%s" % (
            self.id, list(command), body)).splitlines()

    def test_size_lines_output_resize_and_exit_are_those_of_the_guide(self):
        out = self.session("""
print(t.returncode)
t.stdin.writeline('stty size; exit 6').result()
text = b''.join(t.output)
print(t.wait(timeout=60), t.returncode, b'20 70' in text)
""")
        self.assertEqual(out, ["None", "6 6 True"])

    def test_a_resize_reaches_the_program(self):
        out = self.session("""
t.resize(101, 41)
t.stdin.writeline("until [ \\"$(stty size)\\" = '41 101' ]; do sleep 0.1; done; exit 0").result()
for _ in t.output: pass
print(t.wait(timeout=60))
""")
        self.assertEqual(out, ["0"])

    def test_closing_the_input_ends_the_shell(self):
        self.assertEqual(self.session("""
t.stdin.close().result()
for _ in t.output: pass
print(t.wait(timeout=60))
"""), ["0"])

    def test_the_code_of_a_program_that_a_signal_ended_is_above_128(self):
        self.assertEqual(self.session("""
for _ in t.output: pass
print(t.wait(timeout=60))
""", ("/bin/sh", "-c", "kill -9 $$")), ["137"])

    def test_output_is_raw_bytes_with_stdout_and_stderr_merged(self):
        out = self.session("""
print(b''.join(t.output))
""", ("/bin/sh", "-c", "printf '\\033[31mred\\n'; printf 'err\\n' >&2"))
        self.assertEqual(out, [repr(b"\x1b[31mred\r\nerr\r\n")])


@over_every_service("LocalTls", "LocalPlain")
class Lifetime:
    def test_a_sandbox_ends_when_its_lifetime_does(self):
        box = self.create("sleep", "infinity", max_lifetime_seconds=2)

        def ended():
            shown = json.loads(self.official_ok("get", box, "-o", "json"))
            return shown["status"] in ("terminated", "completed", "failed")
        until(ended, "the end of the sandbox's lifetime")


if __name__ == "__main__":
    suite.main()
