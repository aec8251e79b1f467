"""The life of sandboxes through the official SDK: made, listed, ended, and what is said of them at each point"""
import json
import os

import services  # first: it finds the other helpers
import suite
from services import over_every_service
from terminal import until

ENDED = ("terminated", "completed", "failed")


class Living:
    """A new sandbox for each check; programs see `make(*command, **options)`, which also waits."""

    PRELUDE = """
import json, time
def make(*command, wait=True, **options):
    s = cwsandbox.Sandbox.run(*(command or ('sleep', 'infinity')), container_image='python:3.11', **options)
    return s.wait(60) if wait else s
def seen(s):
    return cwsandbox.Sandbox.from_id(s.sandbox_id).result()
"""

    def run_sdk(self, body):
        return self.sdk(self.PRELUDE + body).splitlines()

    def refusal(self, line):
        """The class and words of what a line raises."""
        return self.run_sdk("try:\n %s\nexcept Exception as e:\n print(type(e).__name__); print(e)" % line)


@over_every_service()
class Beginning(Living):
    def test_a_new_sandbox_is_not_ready_and_then_runs(self):
        out = self.run_sdk("s = make(wait=False)\nprint(s.get_status().value)\ns.wait(60)\nprint(s.status.value)")
        self.assertIn(out[0], ("pending", "creating", "preparing", "running"))
        self.assertEqual(out[1], "running")

    def test_it_is_shown_as_it_was_asked_for(self):
        out = self.run_sdk("s = seen(make(tags=['shown', 'ünïcödé']))\nc = s.containers[0]\n"
                           "print(json.dumps([sorted(s.tags), c.name, c.image, c.command, list(c.args)]))")
        self.assertEqual(json.loads(out[0]), [["shown", "ünïcödé"], "main", "python:3.11", "sleep", ["infinity"]])

    def test_runner_group_and_times_are_shown_once_it_runs(self):
        out = self.run_sdk("import datetime\ns = seen(make())\n"
                           "ago = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - s.started_at\n"
                           "print(bool(s.runner_id), bool(s.runner_group_id), abs(ago.total_seconds()) < 120)")
        self.assertEqual(out, ["True True True"])

    def test_the_container_s_state_is_the_sandbox_s(self):
        self.assertEqual(self.run_sdk("c = seen(make()).container_statuses[0]\nprint(c.name, c.state, c.restart_count)"),
                         ["main running 0"])

    def test_its_main_process_has_the_variables_it_was_given(self):
        out = self.run_sdk("s = make('sh', '-c', 'echo $A:$B; exec sleep infinity', environment_variables={'A': '1', "
                           "'B': 'two words'})\nprint(next(iter(s.stream_logs(follow=True))))")
        self.assertEqual(out[0], "1:two words")

    def test_its_main_process_has_the_words_it_was_given(self):
        out = self.run_sdk("s = make('sh', '-c', 'printf \"<%s>\" \"$@\"; echo; exec sleep infinity', 'x', 'a b', '', "
                           "'$HOME', 'é')\nprint(next(iter(s.stream_logs(follow=True))))")
        self.assertEqual(out[0], "<a b><><$HOME><é>")

    def test_it_works_in_the_folder_of_its_spec(self):
        out = self.run_sdk("s = make('sh', '-c', 'pwd; exec sleep infinity', working_dir='/usr/bin')\n"
                           "print(next(iter(s.stream_logs(follow=True))), end='')\n"
                           "print(s.exec(['pwd']).result().stdout)")
        self.assertEqual(out[:2], ["/usr/bin", "/usr/bin"])

    def test_without_a_command_it_is_kept_alive_and_takes_others(self):
        self.assertEqual(self.run_sdk("s = cwsandbox.Sandbox.run(container_image='python:3.11').wait(60)\n"
                                      "print(s.exec(['echo', 'here']).result().stdout.strip())\ns.stop().result()"),
                         ["here"])

    def test_two_hold_their_files_apart(self):
        out = self.run_sdk("a, b = make(), make()\na.exec(['sh', '-c', 'echo x > $HOME/mine']).result()\n"
                           "print([s.exec(['sh', '-c', 'cat $HOME/mine']).result().returncode == 0 for s in (a, b)])")
        self.assertEqual(out, ["[True, False]"])

    def test_a_command_that_is_not_there_fails_it(self):
        out = self.run_sdk("s = make('/no/such/program', wait=False)\ntry:\n s.wait(60)\n"
                           "except cwsandbox.CWSandboxError as e: print(type(e).__name__)\n"
                           "s = seen(s)\nprint(s.status.value, bool(s.status_reason))")
        self.assertEqual(out, ["SandboxFailedError", "failed True"])

    def test_a_lifetime_that_is_too_long_is_refused_by_field(self):
        name, words = self.refusal("make(max_lifetime_seconds=31 * 24 * 3600)")
        self.assertEqual(name, "SandboxValidationError")
        self.assertIn("max_lifetime_seconds", words)


@over_every_service()
class SeveralContainers(Living):
    @classmethod
    def begin(cls):
        small = dict(resources={"cpu": "100m", "memory": "64Mi"}, image="python:3.11", command="sh")
        line = "echo I am $WHO; exec sleep infinity"
        cls.id = cls.sdk("s = cwsandbox.Sandbox.run(containers=%r)\ns.wait(60)\nprint(s.sandbox_id)" % [
            dict(small, name="web", args=["-c", line], environment_variables={"WHO": "web"}),
            dict(small, name="db", args=["-c", line], environment_variables={"WHO": "db"}, primary=True)])

    def test_a_command_has_the_variables_of_the_container_it_names(self):
        self.assertEqual(self.inside("for c in ('web', 'db', None): print(s.exec(['sh', '-c', 'echo $WHO'], container=c)"
                                     ".result().stdout, end='')"), ["web", "db", "db"])

    def test_each_container_has_a_log_and_no_name_is_the_primary_s(self):
        self.assertEqual(self.inside("for c in ('web', 'db', None): print(next(iter(s.stream_logs(follow=True, "
                                     "container=c))), end='')"), ["I am web", "I am db", "I am db"])

    def test_all_containers_are_shown_with_the_primary_marked(self):
        shown = json.loads(self.official_ok("get", self.id, "-o", "json"))
        self.assertEqual([(c["name"], c["primary"]) for c in shown["containers"]], [("web", False), ("db", True)])
        self.assertEqual([(c["name"], c["state"]) for c in shown["container_statuses"]],
                         [("web", "running"), ("db", "running")])

    def test_a_file_written_in_one_is_there_for_its_commands(self):
        self.assertEqual(self.inside("p = '/tmp/cws-of-web-%d'\ns.write_file(p, b'x', container='web').result()\n"
                                     "print(s.exec(['sh', '-c', 'cat ' + p + '; rm ' + p], container='web').result().stdout)"
                                     % os.getpid()), ["x"])


@over_every_service()
class Ending(Living):
    def test_a_main_process_that_succeeds_completes_it(self):
        self.assertEqual(self.run_sdk("s = make('sh', '-c', 'sleep 0.3', wait=False)\ns.wait_until_complete(60).result()\n"
                                      "print(s.status.value, s.returncode)"), ["completed 0"])

    def failed_with(self, line):
        """State and code, as its container shows it: the SDK has a returncode only of what was completed."""
        return self.run_sdk("s = make('sh', '-c', %r, wait=False)\ntry:\n s.wait_until_complete(60).result()\n"
                            "except cwsandbox.SandboxFailedError: print('raised')\n"
                            "print(s.status.value, seen(s).container_statuses[0].exit_code)" % line)

    def test_a_main_process_that_fails_fails_it_with_its_code(self):
        self.assertEqual(self.failed_with("sleep 0.3; exit 7"), ["raised", "failed 7"])

    def test_a_main_process_that_a_signal_ended_has_128_and_its_number(self):
        self.assertEqual(self.failed_with("sleep 0.3; kill -9 $$"), ["raised", "failed 137"])

    def test_a_stopped_one_is_terminated_and_has_no_code(self):
        self.assertEqual(self.run_sdk("s = make()\ns.stop().result()\ns = seen(s)\ns.get_status()\n"
                                      "print(s.status.value, s.returncode)"), ["terminated None"])

    def test_a_deleted_one_is_terminated_and_has_no_code(self):
        out = self.run_sdk("s = make()\ncwsandbox.Sandbox.delete(s.sandbox_id).result()\nfor _ in range(300):\n"
                           " if s.get_status().value == 'terminated': break\n time.sleep(0.1)\n"
                           "print(s.status.value, s.returncode)")
        self.assertEqual(out, ["terminated None"])

    def test_stopping_does_not_wait_out_the_grace_of_what_heeds_it(self):
        self.assertEqual(self.run_sdk("s = make()\nt = time.monotonic()\ns.stop(graceful_shutdown_seconds=100).result()\n"
                                      "print(time.monotonic() - t < 60)"), ["True"])

    def test_what_does_not_heed_it_is_killed_after_the_grace(self):
        self.assertEqual(self.run_sdk("s = make('sh', '-c', \"trap '' TERM; while :; do sleep 1; done\")\n"
                                      "s.stop(graceful_shutdown_seconds=1).result()\nprint(s.status.value)"),
                         ["terminated"])

    def test_its_main_process_is_told_by_a_signal_before_the_end(self):
        out = self.run_sdk("s = make('sh', '-c', \"trap 'echo told; exit 0' TERM; echo up; while :; do sleep 0.1; done\")\n"
                           "lines = iter(s.stream_logs(follow=True))\nassert next(lines) == 'up\\n'\n"
                           "seen(s).stop(graceful_shutdown_seconds=30).result()\nprint('told\\n' in lines)")
        self.assertEqual(out, ["True"])

    def test_stopping_twice_is_stopping_once(self):
        self.assertEqual(self.run_sdk("s = make()\ns.stop().result()\ns.stop().result()\nseen(s).stop().result()\n"
                                      "print('fine')"), ["fine"])

    def test_a_block_stops_it_at_its_end(self):
        self.assertEqual(self.run_sdk("with make() as s: pass\nprint(seen(s).status.value)"), ["terminated"])

    def test_a_session_stops_what_was_made_in_it(self):
        out = self.run_sdk("with cwsandbox.Session(cwsandbox.SandboxDefaults(container_image='python:3.11', "
                           "tags=['of-session'])) as session:\n"
                           " a = session.sandbox(command='sleep', args=['infinity'])\n a.wait(60)\n"
                           " print(a.exec(['echo', 'in']).result().stdout.strip())\nprint(seen(a).status.value)")
        self.assertEqual(out, ["in", "terminated"])

    def test_commands_files_and_shells_of_an_ended_one_are_refused(self):
        out = self.run_sdk("s = make()\nother = seen(s)\ns.stop().result()\n"
                           "for what in (lambda: other.exec(['true']).result(), lambda: other.read_file('/x').result(), "
                           "lambda: other.write_file('/tmp/x', b'').result()):\n"
                           " try: what()\n except cwsandbox.CWSandboxError: print('refused')")
        self.assertEqual(out, ["refused"] * 3)

    def test_what_runs_in_it_ends_with_it(self):
        out = self.run_sdk("s = make()\np = s.exec(['sh', '-c', 'echo up; exec sleep 636363'])\n"
                           "assert next(iter(p.stdout)) == 'up\\n'\nseen(s).stop(graceful_shutdown_seconds=0).result()\n"
                           "try: print(p.result(60).returncode != 0)\nexcept cwsandbox.CWSandboxError: print(True)")
        self.assertEqual(out, ["True"])

    def test_it_ends_when_its_lifetime_does(self):
        box = self.create("sleep", "infinity", max_lifetime_seconds=2)
        until(lambda: json.loads(self.official_ok("get", box, "-o", "json"))["status"] in ENDED,
              "the end of the sandbox's lifetime")

    def test_a_missing_one_is_called_missing(self):
        for line in ("cwsandbox.Sandbox.from_id('nope').result()", "cwsandbox.Sandbox.delete('nope').result()"):
            name, words = self.refusal(line)
            self.assertEqual((name, words), ("SandboxNotFoundError", "Sandbox 'nope' not found"))

    def test_a_missing_one_may_be_deleted_when_that_is_said(self):
        self.run_sdk("cwsandbox.Sandbox.delete('nope', missing_ok=True).result()")


@over_every_service()
class Listing(Living):
    @classmethod
    def begin(cls):
        out = cls.sdk(cls.PRELUDE + """
a, b, c = make(tags=['list', 'a']), make(tags=['list', 'b']), make(tags=['list', 'a', 'b'])
d = make('true', tags=['list', 'done'], wait=False)
d.wait_until_complete(60).result()
e = make(tags=['list', 'stopped'])
e.stop().result()
print(json.dumps([s.sandbox_id for s in (a, b, c, d, e)]))
""")
        cls.a, cls.b, cls.c, cls.done, cls.stopped = json.loads(out.splitlines()[-1])

    def ids(self, **filters):
        return json.loads(self.run_sdk("print(json.dumps([s.sandbox_id for s in cwsandbox.Sandbox.list(**%r).result()]))"
                                       % filters)[0])

    def test_all_of_one_tag_are_found_over_pages_each_once(self):
        found = self.ids(tags=["list"])
        self.assertEqual((len(found), set(found)), (3, {self.a, self.b, self.c}))

    def test_every_tag_must_match(self):
        self.assertEqual(self.ids(tags=["list", "a", "b"]), [self.c])
        self.assertEqual(set(self.ids(tags=["list", "b"])), {self.b, self.c})

    def test_no_match_is_an_empty_list(self):
        self.assertEqual(self.ids(tags=["list", "none"]), [])

    def test_ended_ones_are_shown_only_when_asked_for(self):
        self.assertEqual(set(self.ids(tags=["list"], show_terminated=True)),
                         {self.a, self.b, self.c, self.done, self.stopped})

    def test_a_state_is_a_filter(self):
        self.assertEqual(self.ids(tags=["list"], status="completed"), [self.done])
        self.assertEqual(self.ids(tags=["list"], status="terminated"), [self.stopped])
        self.assertEqual(set(self.ids(tags=["list"], status="running")), {self.a, self.b, self.c})

    def test_a_runner_is_a_filter(self):
        runner = self.run_sdk("print(cwsandbox.Sandbox.from_id(%r).result().runner_id)" % self.a)[0]
        self.assertEqual(len(self.ids(tags=["list"], runner_ids=[runner])), 3)
        self.assertEqual(self.ids(tags=["list"], runner_ids=["no-such-runner"]), [])

    def test_what_is_listed_can_be_used(self):
        self.assertEqual(self.run_sdk("s = cwsandbox.Sandbox.list(tags=['list', 'a', 'b']).result()[0]\n"
                                      "print(s.exec(['echo', 'used']).result().stdout.strip())"), ["used"])

    def test_an_ended_one_is_still_shown_by_its_id(self):
        shown = json.loads(self.official_ok("get", self.done, "-o", "json"))
        self.assertEqual(shown["status"], "completed")
        self.assertEqual(shown["container_statuses"][0]["exit_code"], 0)

    def test_the_command_line_prints_the_same_ones(self):
        rows = json.loads(self.official_ok("ls", "-o", "json", "-t", "list", "-t", "b"))
        self.assertEqual({r["sandbox_id"] for r in rows}, {self.b, self.c})


if __name__ == "__main__":
    suite.main()
