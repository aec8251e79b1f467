"""The checks are checked: each fault that is planted into the independent service makes the check meant for it fail"""
import importlib.util
import os
import unittest

import services  # first: it finds the other helpers
import suite
from services import ServiceCase

HERE = os.path.dirname(os.path.abspath(__file__))

# fault: file, mixin, check
CAUGHT_BY = {
    "exit-code-wrong": ("exec", "Exec", "codes_from_0_to_255_come_back_as_they_are"),
    "last-chunk-lost": ("exec", "Exec", "twenty_thousand_lines_come_in_order"),
    "chunk-doubled": ("exec", "Exec", "five_megabytes_on_each_stream_are_whole"),
    "streams-merged": ("exec", "Exec", "stdout_and_stderr_are_kept_apart"),
    "stdin-end-lost": ("exec", "Exec", "a_command_without_input_sees_its_end"),
    "cancel-ignored": ("exec", "Exec", "a_cancelled_call_ends_its_program"),
    "container-ignored": ("exec", "Exec", "a_container_that_is_not_there_is_refused_by_field"),
    "tty-close-hangs-up": ("shell", "TerminalSessions", "closing_the_input_is_an_end_of_file_and_no_hang_up"),
    "resize-ignored": ("shell", "TerminalSessions", "a_resize_is_a_signal_to_the_program"),
    "log-tail-off-by-one": ("logs", "Logs", "a_tail_is_that_many_lines"),
    "log-stamps-missing": ("logs", "Logs", "each_line_has_its_time_when_that_is_asked_for"),
    "log-resume-off-by-one": ("wire", "Resuming", "a_log_is_taken_up_again_at_the_byte_that_was_asked_for"),
    "env-lost": ("wire", "Wire", "environment_and_size_of_an_exec_reach_it"),
    "request-id-forgotten": ("wire", "Wire", "the_same_request_id_creates_one_sandbox"),
    "page-repeats": ("life", "Listing", "all_of_one_tag_are_found_over_pages_each_once"),
    "tags-any": ("life", "Listing", "every_tag_must_match"),
    "stop-stamps-a-code": ("wire", "Wire", "a_stopped_sandbox_is_terminated_and_has_no_exit_code"),
    "reason-wrong": ("files", "Files", "a_missing_file_is_not_found"),
    "details-missing": ("files", "Files", "a_folder_is_neither_read_nor_written"),
    "file-cut": ("files", "Files", "files_of_1_byte_and_around_each_size_of_a_frame"),
    "file-limit-unsaid": ("files", "Files", "a_file_above_256_mib_is_refused_with_its_size_and_the_cap"),
    "restore-misses-a-file": ("snapshots", "Snapshots", "a_restored_volume_has_every_file_link_and_mode"),
    "certificate-unchecked": ("wire", "DirectWire", "a_certificate_opens_no_other_call_and_no_other_sandbox"),
}


def load(name):
    spec = importlib.util.spec_from_file_location("official_" + name, os.path.join(HERE, "t-official-%s.py" % name))
    module = importlib.util.module_from_spec(spec)
    services.sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def run_check(fault, file, mixin, check):
    """The result of one check over a service with one fault, or with none."""
    planted = {fault} if fault else ()

    def hurry(self):
        type(self).patience = 2  # what hangs was caught; making the sandbox may still take its time
    case = type(mixin + "Planted", (getattr(load(file), mixin), ServiceCase), {
        "kind": "Independent", "plane": "gateway", "setUp": hurry,
        "make_service": staticmethod(lambda world: services.grpc_service.GrpcService(world.dir, planted=planted))})
    result = unittest.TestResult()
    unittest.TestSuite([case("test_" + check)]).run(result)
    return result


@unittest.skipIf(services.MISSING, services.MISSING)
class Planted(unittest.TestCase):
    def test_every_fault_there_is_has_a_check(self):
        self.assertEqual(set(CAUGHT_BY), set(services.grpc_service.FAULTS))

    def catch(self, fault):
        result = run_check(fault, *CAUGHT_BY[fault])
        broken = [text for _, text in result.errors + result.failures if "AssertionError" not in text]
        self.assertEqual(broken, [], "it did not fail, it broke")
        self.assertEqual(result.testsRun, 1, result.errors)
        self.assertTrue(result.failures, "%s was not caught" % fault)


def add(fault):
    setattr(Planted, "test_%s_is_caught" % fault.replace("-", "_"), lambda self: self.catch(fault))


for each in CAUGHT_BY:
    add(each)

if __name__ == "__main__":
    suite.main()
