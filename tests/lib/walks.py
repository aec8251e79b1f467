"""walks - random walks (walk.py) one after the other on one daemon, and what must be left of them: nothing"""
import mpack
import procs
from oracle import Oracle
from sessions import SessionCase
from terminal import close_all, until
from walk import Walk
from world import program

WARM = 3  # walks until the daemon has its size
FLAT = 8 << 20  # bytes it may grow by from then on: terminals' histories and the heap's own habits


class Walks(SessionCase):
    @classmethod
    def prepare(cls):
        cls.oracle = Oracle()
        cls.addClassCleanup(cls.oracle.close)
        procs.spared.add(cls.oracle.process.pid)
        super().prepare()
        cls.streams = set()  # those that the sandbox has

    def held(self):
        """Bytes the daemon holds for others, beside the client that asks."""
        peer = self.peer()
        n = peer.call("daemon.status")["memory_bytes"]
        peer.close()
        return n

    def walk(self, seeds, steps):
        sizes, failed, checks, pictures = [], [], 0, 0
        for seed in seeds:
            before, fds = self.held(), procs.fd_count(self.daemon.pid)
            walk = Walk(self, self.oracle, seed)
            try:
                walk.run(steps)
                until(lambda: self.held() == before, "the ledger as before")
                until(lambda: procs.fd_count(self.daemon.pid) <= fds, "no more descriptors than before")
            except (AssertionError, OSError, EOFError, mpack.RpcError) as err:
                failed += self.end(walk, steps, str(err))
                if failed and "CWSANDBOX_WALK_STOP" in self.world.env:
                    break
                walk.api.close()
                self.sweep()
                until(lambda: self.held() == before, "the ledger as before, swept")
            sizes.append(procs.rss_bytes(self.daemon.pid))
            checks, pictures = checks + walk.checks, pictures + walk.pictures
        print("     %d walks of %d steps: %d checks, %d pictures compared; daemon %.1f to %.1f MiB"
              % (len(sizes), steps, checks, pictures, min(sizes) / 1048576, max(sizes) / 1048576), flush=True)
        self.assertEqual(failed, [], "seeds that failed")
        if len(sizes) > 2 * WARM and not procs.sanitized(program("cwsandboxd")):
            self.assertLess(max(sizes[WARM:]) - max(sizes[:WARM]), FLAT)

    @staticmethod
    def end(walk, steps, why):
        """Of a walk before its time: the seed, if it failed by a fault that may be ours."""
        crashed = walk.shell_crashed()
        if crashed:
            print("     seed %d: the shell of the session crashed at step %d" % (walk.seed, len(walk.log)), flush=True)
        else:
            print("seed %d of %d steps fails: proof-monkey.py %d %d\n    %s\n%s"
                  % (walk.seed, steps, walk.seed, steps, "\n    ".join("%d %s" % s for s in enumerate(walk.log, 1)), why[:6000]),
                  flush=True)
        close_all()
        return [] if crashed else [walk.seed]

    def sweep(self):
        """The next one begins with nothing there."""
        peer = self.peer()
        for s in peer.call("session.list")["sessions"]:
            for _ in range(2):
                try:
                    peer.call("session.kill", {"name": s["name"]})
                except mpack.RpcError as err:
                    self.assertEqual(err.code, "no_such_session")
        peer.close()
