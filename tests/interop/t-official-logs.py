"""Logs through the official client: which lines, from where, until when, by both data planes"""
import services  # first: it finds the other helpers
import suite
from services import OFFICIAL, PLANES, over_every_service
from terminal import Terminal

LINES = 5000


@over_every_service(planes=PLANES)
class Logs:
    @classmethod
    def begin(cls):
        cls.id = cls.create("sh", "-c", "echo begun; seq %d; printf unfinished; exec sleep infinity" % LINES)
        cls.whole = "begun\n" + "".join("%d\n" % i for i in range(1, LINES + 1)) + "unfinished"
        # all of it is there once a reader that follows has seen the end
        cls.inside("n = 0\nfor line in s.stream_logs(follow=True):\n n += 1\n if n == %d: break" % (LINES + 1))

    def lines(self, arguments="", box=None):
        return self.inside("for line in s.stream_logs(%s): print(line.rstrip('\\n'))" % arguments, box=box)

    def run_new(self, line, body):
        """A new sandbox whose main process is that shell line, and a program that has it as `s`."""
        return self.sdk("import datetime, time\n"
                        "s = cwsandbox.Sandbox.run('sh', '-c', %r, container_image='python:3.11', data_plane_mode=%r)\n"
                        "s.wait(60)\n%s" % (line, self.plane, body)).splitlines()

    # ---- which lines ----

    def test_all_lines_come_in_order_with_the_last_unfinished_one(self):
        self.assertEqual(self.lines(), self.whole.split("\n"))

    def test_the_command_line_prints_them_to_the_byte(self):
        self.assertEqual(self.official_ok(*self.planed("logs")).decode(), self.whole)

    def test_both_streams_are_in_the_log(self):
        self.assertEqual(sorted(self.run_new("echo out; echo err >&2; sleep 0.3", "for line in s.stream_logs(follow=True): "
                                             "print(line, end='')")), ["err", "out"])

    def test_what_commands_say_is_not_in_the_log(self):
        self.shell("echo stray; echo stray >&2")
        self.assertNotIn("stray", self.lines())

    def test_a_tail_is_that_many_lines(self):
        for n in (1, 2, 100, LINES):
            self.assertEqual(self.lines("tail_lines=%d" % n), self.whole.split("\n")[-n:], n)

    def test_a_tail_longer_than_the_log_is_the_log(self):
        self.assertEqual(self.lines("tail_lines=1000000"), self.whole.split("\n"))

    def test_the_command_line_prints_a_tail(self):
        self.assertEqual(self.official_ok(*self.planed("logs", "--tail", "2")).decode(), "%d\nunfinished" % LINES)

    def test_a_log_without_a_line_is_empty(self):
        self.assertEqual(self.run_new("exec sleep infinity", "print(list(s.stream_logs()))"), ["[]"])

    def test_words_of_other_alphabets_stay_whole(self):
        self.assertEqual(self.run_new("echo 'grüße, 世界 🚀'; exec sleep infinity",
                                      "print(next(iter(s.stream_logs(follow=True))), end='')"), ["grüße, 世界 🚀"])

    # ---- since when ----

    def test_lines_since_a_time_before_the_first_are_all(self):
        self.assertEqual(self.official_ok(*self.planed("logs", "--since", "2020-01-01")).decode(), self.whole)

    def test_there_are_no_lines_since_tomorrow(self):
        self.assertEqual(self.official_ok(*self.planed("logs", "--since", "2199-01-01T00:00:00")), b"")

    def test_a_time_between_two_lines_parts_them(self):
        out = self.run_new(
            "echo before; until [ -e $HOME/go ]; do sleep 0.05; done; echo after; exec sleep infinity",
            "lines = iter(s.stream_logs(follow=True))\nassert next(lines) == 'before\\n'\ntime.sleep(0.02)\n"
            "then = datetime.datetime.now(datetime.timezone.utc)\ntime.sleep(0.02)\n"
            "s.exec(['sh', '-c', 'echo >$HOME/go']).result()\nassert next(lines) == 'after\\n'\n"
            "print(list(s.stream_logs(since_time=then)))")
        self.assertEqual(out, ["['after\\n']"])

    def test_each_line_has_its_time_when_that_is_asked_for(self):
        out = self.official_ok(*self.planed("logs", "-t", "--tail", "3")).decode().split("\n")
        for line in out:
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00) ")
        self.assertEqual([line.split(" ", 1)[1] for line in out], [str(LINES - 1), str(LINES), "unfinished"])

    # ---- while it grows ----

    def test_lines_are_followed_as_they_come(self):
        out = self.run_new("echo 1; i=1; while [ $i -lt 8 ]; do i=$((i+1)); sleep 0.05; echo $i; done; exec sleep infinity",
                           "lines = iter(s.stream_logs(follow=True))\nprint([int(next(lines)) for _ in range(8)])")
        self.assertEqual(out, ["[1, 2, 3, 4, 5, 6, 7, 8]"])

    def test_following_begins_where_the_tail_does(self):
        out = self.inside("lines = iter(s.stream_logs(follow=True, tail_lines=3))\nprint(next(lines) + next(lines), end='')")
        self.assertEqual(out, [str(LINES - 1), str(LINES)])

    def test_following_ends_with_the_main_process_after_its_last_line(self):
        out = self.run_new("for i in 1 2 3; do sleep 0.1; echo $i; done", "print([int(x) for x in s.stream_logs(follow=True)])")
        self.assertEqual(out, ["[1, 2, 3]"])

    def test_two_who_follow_see_the_same(self):
        out = self.run_new("for i in 1 2 3 4; do sleep 0.1; echo $i; done",
                           "a, b = s.stream_logs(follow=True), s.stream_logs(follow=True)\nprint(list(a) == list(b))")
        self.assertEqual(out, ["True"])

    def test_the_command_line_follows_until_ctrl_c(self):
        t = Terminal([OFFICIAL] + list(self.planed("logs", "-f", "--tail", "2")), env=self.world.env).see(str(LINES))
        self.assertEqual(t.interrupted(), 0)

    # ---- of whom ----

    def test_the_log_of_an_ended_sandbox_can_be_read(self):
        box = self.create("sh", "-c", "echo last words; sleep 0.5; exec sleep infinity")
        self.official_ok("stop", "--graceful-shutdown-seconds", "0", box)
        self.assertEqual(self.official_ok("logs", box), b"last words\n")  # nothing is connected to any more

    def test_the_log_of_an_ended_sandbox_is_not_followed(self):
        box = self.create()
        self.official_ok("stop", "--graceful-shutdown-seconds", "0", box)
        code, _, err = self.official(*self.planed("logs", "-f", box=box))
        self.assertEqual(code, 1)
        self.assertTrue(err.startswith(b"Error: "), err)

    def test_the_primary_container_s_log_by_its_name(self):
        self.assertEqual(self.lines("container='main', tail_lines=1"), ["unfinished"])

    def test_the_log_of_a_container_that_is_not_there_is_refused_by_field(self):
        out = self.inside("try: list(s.stream_logs(container='no'))\nexcept cwsandbox.CWSandboxError as e: print(e)")
        self.assertRegex("".join(out), "field violations: container")


if __name__ == "__main__":
    suite.main()
