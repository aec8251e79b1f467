#!/usr/bin/env python3
"""Clients that break the rules of a session, over the real socket: clear errors, nobody else hurt, nothing held

Each test ends with the daemon's ledger where it was before: every byte held for others is given back.
"""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import mpack
import suite
from sessions import SessionCase
from terminal import until

KIB, MIB = 1 << 10, 1 << 20
WINDOW = 64 * KIB
LOG = 4 * MIB
TIMES = int(os.environ.get("CWSANDBOX_TEST_ATTACHES", "1000"))  # `make proof-attaches`: 10,000
MINUTE = 60
FLOOD = ["sh", "-c", "stty raw -echo; exec yes $(printf %070d 7)"]
QUIET = ["sh", "-c", "stty raw -echo; exec cat"]
OF_ONE = (("session.ack", {"bytes": 0}), ("session.input", {"data": b"x"}), ("session.resize", {"cols": 80, "rows": 24}),
          ("session.detach", {}), ("session.close_input", {}), ("session.lease", {"exclusive": True}),
          ("session.lead", {}), ("session.set", {"policy": "drop"}))


class BadClients(SessionCase):
    def setUp(self):
        self.peers, self.names = [], []
        self.before = self.held()

    def tearDown(self):
        control = self.peer()
        for name in self.names:
            for _ in range(2):  # ends it, and takes it off the list
                control.call("session.kill", {"name": name})
        control.close()
        for peer in self.peers:
            peer.close()
        until(lambda: self.held() == self.before, "a ledger as before")
        super().tearDown()

    def held(self):
        """Bytes the daemon holds for others, beside the client that asks."""
        peer = self.peer()
        n = peer.call("daemon.status")["memory_bytes"]
        peer.close()
        return n

    def client(self):
        self.peers.append(self.peer())
        return self.peers[-1]

    def session(self, argv):
        self.names.append(self.name())
        self.client().call("session.create", {"name": self.names[-1], "sandbox_id": self.sandbox, "argv": argv,
                                              "cols": 80, "rows": 24})
        return self.names[-1]

    def attach(self, peer, name, **how):
        return peer.call("session.attach", dict({"name": name, "paint": False}, **how))["attachment"]

    def refused(self, code, peer, method, params):
        with self.assertRaises(mpack.RpcError) as caught:
            peer.call(method, params)
        self.assertEqual(caught.exception.code, code)
        return caught.exception.error

    def lag(self, name):
        return self.peers[0].call("session.get", {"name": name})["clients"][0]["lag_bytes"]

    def offset(self, name):
        return self.peers[0].call("session.get", {"name": name})["output_offset"]

    def goes_on(self, name, n=MIB):
        """The session writes more: nobody holds it."""
        at = self.offset(name)
        until(lambda: self.offset(name) > at + n, "more output")

    def take(self, peer, n):
        """Payload, until it is n bytes."""
        got = 0
        while got < n:
            got += len(peer.note("output", "resync")[1]["data"])
        self.assertEqual(got, n)

    def takes_no_more(self, peer):
        """Whatever was sent comes before the answer."""
        peer.call("daemon.status")
        self.assertEqual([n for n in peer.notes if n[0] in ("output", "resync")], [])

    def test_acks_beyond_what_was_sent_end_the_attachment_and_not_the_connection(self):
        name, peer = self.session(QUIET), self.client()
        for notified in (False, True):
            a = self.attach(peer, name)
            peer.call("session.input", {"attachment": a, "data": b"12345"})
            seen = b""
            while b"12345" not in seen:
                seen += peer.note("output")[1]["data"]
            peer.call("session.ack", {"attachment": a, "bytes": 5})
            peer.call("session.ack", {"attachment": a, "bytes": 1})  # less than before: nothing
            lie = {"attachment": a, "bytes": 1000}
            if notified:
                peer.notify("session.ack", lie)
            else:
                self.refused("bad_ack", peer, "session.ack", lie)
            self.assertEqual(peer.note("detached")[1]["reason"], "bad_ack")
            self.refused("no_such_attachment", peer, "session.input", {"attachment": a, "data": b"x"})
        self.assertEqual(peer.call("session.get", {"name": name})["clients"], [])

    def test_negative_and_huge_numbers_are_refused_and_name_their_field(self):
        name, peer = self.session(QUIET), self.client()
        a = self.attach(peer, name)
        mine = {"attachment": a}
        cases = [("session.attach", {"name": name}, "window", (-1, 0, 4095, MIB + 1, 1 << 63, (1 << 64) - 1, "4096")),
                 ("session.attach", {"name": name}, "history", (-1, 100001)),
                 ("session.attach", {"name": name}, "drain_ms", (-1, 10001)),
                 ("session.attach", {"name": name, "rows": 24}, "cols", (-1, 1001, 1 << 32)),
                 ("session.set", mine, "window", (-1, 4095, (1 << 64) - 1)),
                 ("session.set", mine, "block_timeout_ms", (-1, 0, (1 << 64) - 1)),
                 ("session.resize", {"attachment": a, "cols": 80}, "rows", (-1, 0, 1001)),
                 ("session.ack", mine, "bytes", (-1, -(1 << 63), "1")),
                 ("session.ack", {"bytes": 0}, "attachment", (-1, 1 << 32))]
        for method, params, field, values in cases:
            for value in values:
                with self.subTest(method=method, field=field, value=value):
                    error = self.refused("bad_params", peer, method, dict(params, **{field: value}))
                    self.assertEqual(error["field"], field)
        self.assertEqual(len(peer.call("session.get", {"name": name})["clients"]), 1)

    def test_an_attachment_used_after_its_end_or_by_another_is_none(self):
        name, peer, other = self.session(QUIET), self.client(), self.client()
        a = self.attach(peer, name)
        for method, params in OF_ONE:
            self.refused("no_such_attachment", other, method, dict(params, attachment=a))
        peer.call("session.detach", {"attachment": a})
        for method, params in OF_ONE:
            self.refused("no_such_attachment", peer, method, dict(params, attachment=a))
        for method in ("session.ack", "session.input", "session.resize"):  # to these nothing is answered
            peer.notify(method, dict(dict(OF_ONE)[method], attachment=a))
        self.assertEqual(peer.call("session.get", {"name": name})["clients"], [])

    def test_two_attachments_of_one_client_have_each_their_own_credit_policy_and_end(self):
        name, peer = self.session(FLOOD), self.client()
        one, two = self.attach(peer, name, policy="block"), self.attach(peer, name, policy="skip", window=4 * KIB)
        got = {one: 0, two: 0}
        while got[one] < LOG:  # one goes on, byte by byte, past what two has its window full of
            params = peer.note("output", "resync")[1]
            got[params["attachment"]] += len(params["data"])
            if params["attachment"] == one:
                peer.notify("session.ack", {"attachment": one, "bytes": got[one]})
        self.assertEqual(got[two], 4 * KIB)
        self.refused("bad_ack", peer, "session.ack", {"attachment": two, "bytes": 4 * KIB + 1})
        clients = peer.call("session.get", {"name": name})["clients"]
        self.assertEqual([(c["attachment"], c["policy"]) for c in clients], [(one, "block")])
        peer.call("session.detach", {"attachment": one})
        self.goes_on(name)

    def test_thousands_attach_and_detach_within_a_minute_of_a_flood(self):
        name, began = self.session(FLOOD), time.monotonic()
        peer = self.client()
        for i in range(TIMES):
            how = {"name": name, "cols": 80 if i % 3 else 40, "rows": 24, "history": 0,
                   "policy": ("skip", "block", "drop")[i % 3]}
            a = peer.call("session.attach", how)["attachment"]
            if i % 100 == 99:  # or it goes without a word
                peer.close()
                peer = self.client()
            else:
                peer.call("session.detach", {"attachment": a})
            peer.notes.clear()
        self.assertLess(time.monotonic() - began, MINUTE)
        until(lambda: self.peers[0].call("session.get", {"name": name})["n_clients"] == 0, "nobody attached")
        self.goes_on(name)

    def test_one_that_never_acknowledges_gets_its_window_and_holds_nobody_for_long(self):
        for policy, reason in (("skip", None), ("drop", "dropped"), ("block", "stalled")):
            with self.subTest(policy=policy):
                name, peer = self.session(FLOOD), self.client()
                a = self.attach(peer, name, policy=policy, block_timeout_ms=700)
                if reason:
                    ended = peer.note("detached")[1]
                    self.assertEqual((ended["attachment"], ended["reason"]), (a, reason))
                else:
                    self.take(peer, WINDOW)
                self.goes_on(name, 2 * LOG)
                if not reason:
                    self.takes_no_more(peer)
                    self.assertGreater(self.lag(name), LOG // 2)

    def test_what_one_typed_before_it_went_arrives_though_it_took_no_answer(self):
        name, peer, other = self.session(QUIET), self.client(), self.client()
        a = self.attach(peer, name)
        self.attach(other, name)
        asked = mpack.pack([0, 1, "session.get", [{"name": name}]]) * 300  # more than a turn takes
        os.kill(self.daemon.pid, signal.SIGSTOP)  # so that all of it is there, and the end, before an answer
        peer.send_raw(asked + mpack.pack([2, "session.input", [{"attachment": a, "data": b"the last word"}]]))
        peer.close()
        os.kill(self.daemon.pid, signal.SIGCONT)
        seen = b""
        while b"the last word" not in seen:
            seen += other.note("output")[1]["data"]
        until(lambda: len(self.peers[0].call("session.get", {"name": name})["clients"]) == 1, "its end")

    def test_who_said_more_than_a_turn_takes_and_asked_nothing_is_heard_again(self):
        peer = self.client()
        peer.sock.settimeout(15)  # less than it takes until the daemon looks after its socket
        nothing = mpack.pack([2, "session.ack", [{"attachment": 99, "bytes": 0}]])
        for _ in range(5):  # 256 in a turn; no answer, and no news of anybody
            peer.send_raw(nothing * 300)
            time.sleep(0.1)  # all is quiet again: nobody else wakes the daemon
            peer.call("daemon.status")

    def test_one_that_reads_nothing_at_all_costs_its_socket_and_its_window(self):
        name, peer = self.session(FLOOD), self.client()
        for _ in range(16):
            self.attach(peer, name, window=MIB)
        self.goes_on(name, 4 * LOG)
        held = self.held()
        self.goes_on(name, 4 * LOG)
        self.assertLess(self.held(), held + 256 * KIB)


if __name__ == "__main__":
    suite.main()
