"""Commands through the official client: what they say, what they are told, how they end, by both data planes"""
import hashlib
import json
import os

import services  # first: it finds the other helpers
import suite
from services import PLANES, over_every_service

NOBODY = "62%d" % os.getpid()  # seconds that nobody else sleeps


@over_every_service(planes=PLANES)
class Exec:
    @classmethod
    def begin(cls):
        cls.id = cls.create(environment_variables={"FROM_SPEC": "spec value"})

    def results(self, *commands):
        """[code, stdout, stderr] of each command (a list of words), run one after the other by one SDK object."""
        return json.loads(self.inside("import json\nprint(json.dumps([[r.returncode, r.stdout, r.stderr] for r in "
                                      "(s.exec(c).result() for c in %r)]))" % (commands,))[-1])

    # ---- codes ----

    def test_codes_from_0_to_255_come_back_as_they_are(self):
        codes = (0, 1, 2, 42, 125, 126, 127, 128, 255)
        self.assertEqual([r[0] for r in self.results(*(["sh", "-c", "exit %d" % c] for c in codes))], list(codes))

    def test_a_program_that_a_signal_ended_has_128_and_its_number(self):
        ends = ((1, 129), (2, 130), (9, 137), (11, 139), (15, 143))
        self.assertEqual([r[0] for r in self.results(*(["sh", "-c", "kill -%d $$" % n] for n, _ in ends))],
                         [code for _, code in ends])

    def test_a_program_that_is_not_there_ends_with_127_and_a_word(self):
        code, out, err = self.results(["/no/such/program"])[0]
        self.assertEqual((code, out), (127, ""))
        self.assertTrue(err)

    def test_a_file_that_may_not_be_executed_ends_with_126(self):
        self.assertEqual(self.results(["/etc/hostname"])[0][0], 126)

    def test_a_result_that_is_checked_raises(self):
        self.assertEqual(self.inside("try:\n s.exec(['sh', '-c', 'exit 3'], check=True).result()\n"
                                     "except cwsandbox.SandboxExecutionError as e:\n print(e.exec_result.returncode)"),
                         ["3"])

    # ---- words ----

    def test_words_arrive_as_they_were_given(self):
        words = ["a b", "", "'", '"', "$HOME", "`id`", "\\", "two\nlines", "ünïcödé", "*", "-n", "--"]
        code, out, _ = self.results(["printf", "%s\\0"] + words)[0]
        self.assertEqual((code, out.split("\0")[:-1]), (0, words))

    def test_a_word_of_60_kib_arrives(self):
        self.assertEqual(self.inside("r = s.exec(['sh', '-c', 'printf %s \"$1\" | wc -c', 'x', 'y' * 61440]).result()\n"
                                     "print(r.returncode, r.stdout.strip())"), ["0 61440"])

    def test_the_variables_of_the_spec_are_those_of_commands(self):
        self.assertEqual(self.results(["sh", "-c", "echo $FROM_SPEC"])[0][1], "spec value\n")

    def test_path_and_home_are_set(self):
        self.assertEqual(self.results(["sh", "-c", "test -n \"$PATH\" && test -d \"$HOME\" && echo both"])[0][1],
                         "both\n")

    def test_a_command_runs_in_the_folder_it_names(self):
        self.assertEqual(self.inside("print(s.exec(['pwd'], cwd='/usr/bin').result().stdout.strip())"), ["/usr/bin"])

    def test_a_folder_that_is_not_there_fails_the_command(self):
        out = self.inside("r = s.exec(['pwd'], cwd='/no/such').result()\nprint(r.returncode != 0, bool(r.stderr))")
        self.assertEqual(out, ["True True"])

    def test_a_command_in_the_container_by_its_name(self):
        self.assertEqual(self.inside("print(s.exec(['echo', 'in'], container='main').result().stdout.strip())"),
                         ["in"])

    def test_a_container_that_is_not_there_is_refused_by_field(self):
        out = self.inside("try:\n s.exec(['true'], container='nope').result()\n"
                          "except cwsandbox.SandboxValidationError as e:\n print(e)")
        self.assertRegex("".join(out), "field violations: .*container")

    # ---- output ----

    def test_stdout_and_stderr_are_kept_apart(self):
        self.assertEqual(self.results(["sh", "-c", "echo out; echo err >&2; exit 4"])[0], [4, "out\n", "err\n"])

    def test_all_256_bytes_come_back(self):
        self.assertEqual(self.inside("d = bytes(range(256)) * 33\n"
                                     "p = s.exec(['cat'], stdin=True)\np.stdin.write(d).result()\n"
                                     "p.stdin.close().result()\nprint(p.result().stdout_bytes == d)"), ["True"])

    def test_twenty_thousand_lines_come_in_order(self):
        want = "".join("%d\n" % i for i in range(1, 20001))
        self.assertEqual(self.results(["seq", "20000"])[0], [0, want, ""])

    def test_five_megabytes_on_each_stream_are_whole(self):
        out = self.inside(
            "import hashlib\nr = s.exec(['sh', '-c', 'yes out | head -c 5000000; yes err | head -c 5000000 >&2']).result()\n"
            "print(r.stdout_bytes == (b'out\\n' * 1250000), r.stderr_bytes == (b'err\\n' * 1250000))")
        self.assertEqual(out, ["True True"])

    def test_what_is_written_just_before_the_end_is_not_lost(self):
        self.assertEqual([(code, len(out)) for code, out, _ in self.results(
            *[["sh", "-c", "yes | head -c 300000; exit 9"]] * 5)], [(9, 300000)] * 5)

    def test_a_last_line_without_its_newline_comes(self):
        self.assertEqual(self.results(["printf", "one\ntwo"])[0][1], "one\ntwo")

    def test_output_comes_while_the_program_runs(self):
        self.assertEqual(self.inside("p = s.exec(['sh', '-c', 'echo first; read x; echo second'], stdin=True)\n"
                                     "lines = iter(p.stdout)\nprint(next(lines).strip(), p.poll())\n"
                                     "p.stdin.writeline('go').result()\nprint(next(lines).strip(), p.result().returncode)"),
                         ["first None", "second 0"])

    def test_a_program_in_the_background_does_not_hold_up_the_end(self):
        program = "sleep %s1" % NOBODY
        self.assertEqual(self.inside("import time\nt = time.monotonic()\n"
                                     "r = s.exec(['sh', '-c', '%s & echo said; exit 5']).result()\n"
                                     "print(r.returncode, r.stdout.strip(), time.monotonic() - t < 30)" % program),
                         ["5 said True"])

    # ---- input ----

    def test_input_is_read_to_its_end(self):
        self.assertEqual(self.inside("p = s.exec(['sh', '-c', 'cat; echo after; exit 6'], stdin=True)\n"
                                     "p.stdin.write(b'in,').result()\np.stdin.close().result()\n"
                                     "r = p.result()\nprint(r.stdout.strip(), r.returncode)"), ["in,after 6"])

    def test_five_megabytes_of_input_arrive_unchanged(self):
        data = bytes(range(251)) * 20000
        self.assertEqual(self.inside("d = bytes(range(251)) * 20000\np = s.exec(['sha256sum'], stdin=True)\n"
                                     "for i in range(0, len(d), 200000): p.stdin.write(d[i:i+200000]).result()\n"
                                     "p.stdin.close().result()\nprint(p.result().stdout.split()[0])"),
                         [hashlib.sha256(data).hexdigest()])

    def test_input_that_ends_at_once_is_an_end_of_file(self):
        self.assertEqual(self.inside("p = s.exec(['sh', '-c', 'cat; exit 7'], stdin=True)\n"
                                     "p.stdin.close().result()\nprint(p.result(30).returncode)"), ["7"])

    def test_a_command_without_input_sees_its_end(self):
        self.assertEqual(self.results(["sh", "-c", "cat; exit 8"])[0], [8, "", ""])

    def test_a_program_may_end_while_its_input_is_open(self):
        self.assertEqual(self.inside("p = s.exec(['sh', '-c', 'exit 3'], stdin=True)\nprint(p.result(30).returncode)"),
                         ["3"])

    def test_a_program_that_closed_its_input_may_still_be_written_to(self):
        self.assertEqual(self.inside(
            "p = s.exec(['sh', '-c', 'exec <&-; sleep 0.3; echo alive; exit 2'], stdin=True)\n"
            "for _ in range(20): p.stdin.write(b'x' * 10000).result()\n"
            "r = p.result(30)\nprint(r.stdout.strip(), r.returncode)"), ["alive 2"])

    def test_question_and_answer_take_turns(self):
        self.assertEqual(self.inside(
            "p = s.exec(['sh', '-c', 'while read a; do echo \"<$a>\"; done'], stdin=True)\nlines = iter(p.stdout)\n"
            "for i in range(20):\n p.stdin.writeline(str(i)).result()\n assert next(lines) == '<%d>\\n' % i\n"
            "p.stdin.close().result()\nprint(p.result().returncode)"), ["0"])

    # ---- ends that the client chooses ----

    def test_a_timeout_ends_the_call_and_the_program(self):
        program = "sleep %s2" % NOBODY
        out = self.inside("try:\n s.exec(%r, timeout_seconds=1).result()\nexcept cwsandbox.SandboxTimeoutError:\n"
                          " print('timed out')" % program.split())
        self.assertEqual(out, ["timed out"])
        self.gone(program)

    def test_a_cancelled_call_ends_its_program(self):
        program = "sleep %s3" % NOBODY
        self.inside("p = s.exec(['sh', '-c', 'echo up; exec %s'])\nassert next(iter(p.stdout)) == 'up\\n'\np.cancel()\n"
                    "import time; time.sleep(0.2)" % program)
        self.gone(program)

    # ---- several ----

    def test_twenty_at_once_get_their_own_output(self):
        self.assertEqual(self.inside(
            "ps = [s.exec(['sh', '-c', 'sleep 0.1; echo %d; exit %d' % (i, i)]) for i in range(20)]\n"
            "print(all((p.result().stdout, p.result().returncode) == ('%d\\n' % i, i) for i, p in enumerate(ps)))"),
            ["True"])

    def test_fifty_one_after_the_other(self):
        self.assertEqual(self.results(*[["echo", str(i)] for i in range(50)]),
                         [[0, "%d\n" % i, ""] for i in range(50)])


if __name__ == "__main__":
    suite.main()
