"""The official Python SDK against our service without TLS; what it can do with TLS is in the other files"""
import json

import services  # first: it finds the other helpers
import suite
from services import over_every_service


@over_every_service("LocalPlain")
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


if __name__ == "__main__":
    suite.main()
