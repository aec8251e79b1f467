#!/usr/bin/env python3
"""What takes its time: `make proof-faults`, some minutes. Not part of `make check`.

CWSANDBOX_PROOF_MINUTES (default 12) is how long a default grpcio server has to bear our PINGs beside an idle
stream; its five-minute rule shows from the sixth minute on.
"""
import concurrent.futures
import importlib.util
import os
import signal
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "lib"))
import suite
from terminal import until
from world import WorldCase

try:
    import grpc
    from cwsandbox._proto import sandbox_pb2 as pb
except ImportError:
    grpc = None

spec = importlib.util.spec_from_file_location("plain", os.path.join(HERE, "t-fault-plain.py"))
plain = importlib.util.module_from_spec(spec)
spec.loader.exec_module(plain)

MINUTES = float(os.environ.get("CWSANDBOX_PROOF_MINUTES", "12"))


class Holes(plain.FaultCase):
    def test_fault_f03_a_path_that_is_gone_is_noticed_within_40_s(self):
        shell = self.shell()
        began = time.monotonic()
        self.faults("blackhole 120")
        until(lambda: shell.process.poll() is not None, "the verdict", 60)
        self.assertLessEqual(time.monotonic() - began, 40)
        shell.see("no answer for 10 seconds")

    def test_fault_f26_a_daemon_that_was_stopped_takes_nobody_for_dead(self):
        shell = self.shell()
        shell.type("echo one\r").see_line("one")
        time.sleep(21)  # its PING is out, or about to be
        self.daemon.send_signal(signal.SIGSTOP)
        time.sleep(30)
        self.daemon.send_signal(signal.SIGCONT)
        time.sleep(5)
        shell.type("echo two\r").see_line("two")
        self.assertEqual(self.described(shell.session)["state"], "running")

    def test_fault_f06_a_service_refused_for_30_s_is_back_within_its_backoff(self):
        self.faults("rst")
        self.faults("refuse 30")
        began = time.monotonic()
        until(lambda: self.world.cli("exec", self.sandbox, "true").returncode == 0, "the service", 60)
        self.assertLess(time.monotonic() - began, 34)


@unittest.skipIf(grpc is None, "no grpcio: run it with the python of './quickstart check'")
class Pings(WorldCase):
    def test_sec_c34_a_default_grpcio_server_bears_our_pings_beside_an_idle_stream(self):
        ended = threading.Event()

        def stream(_, context):
            context.add_callback(ended.set)
            ended.wait()
            return iter(())
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        box = pb.Sandbox(sandbox_id="x", status=pb.SandboxStatus(state=pb.STATE_RUNNING)).SerializeToString()
        handlers = {"GetSandbox": grpc.unary_unary_rpc_method_handler(lambda *_: box),
                    "StreamLogs": grpc.unary_stream_rpc_method_handler(stream)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
            "coreweave.sandbox.v1.SandboxService", handlers),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self.world.env.update({"CWSANDBOX_BASE_URL": "http://127.0.0.1:%d" % port, "CWSANDBOX_API_KEY": "k"})
        daemon = self.world.daemon("-v")
        logs = self.world.start([plain.program("cwsandbox"), "logs", "--follow", "x"])
        began = time.monotonic()
        while time.monotonic() - began < MINUTES * 60:
            time.sleep(5)
            self.assertFalse(ended.is_set(), self.world.errors(daemon))
            self.assertIsNone(logs.poll(), self.world.errors(logs))
        logs.terminate()
        server.stop(None)


if __name__ == "__main__":
    suite.main()
