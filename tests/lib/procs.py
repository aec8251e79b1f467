"""procs - processes and descriptors, counted from /proc"""
import ctypes
import os

PR_SET_CHILD_SUBREAPER = 36
spared = set()  # children that live as long as this process and belong to no test


def adopt_orphans():
    """Makes this process the parent of every orphan below it, so that nothing it started can slip away."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _stat(pid):
    try:
        with open("/proc/%d/stat" % pid, "rb") as f:
            rest = f.read().rsplit(b")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return rest[0].decode(), int(rest[1])  # state, parent


def command(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return f.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def alive(pid):
    stat = _stat(pid)
    return stat is not None and stat[0] not in "ZX"


def descendants(root=None):
    """Living processes below `root` (default: this one), nearest first; dead orphans of ours are buried."""
    root = root or os.getpid()
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            stat = _stat(int(name))
            if stat:
                parents.setdefault(stat[1], []).append((int(name), stat[0]))
    found, queue = [], [root]
    while queue:
        for pid, state in parents.get(queue.pop(0), []):
            if pid in spared:
                continue
            if state not in "ZX":
                found.append(pid)
            queue.append(pid)
    return found


def bury(known):
    """Reaps dead orphans that were handed to us; children in `known` belong to who started them."""
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in known:
            stat = _stat(int(name))
            if stat and stat[0] == "Z" and stat[1] == os.getpid():
                try:
                    os.waitpid(int(name), os.WNOHANG)
                except ChildProcessError:
                    pass


def fds(pid):
    """Open descriptors of a process: number to what it is."""
    found = {}
    for name in os.listdir("/proc/%d/fd" % pid):
        try:
            found[int(name)] = os.readlink("/proc/%d/fd/%s" % (pid, name))
        except FileNotFoundError:
            pass
    return found


def fd_count(pid):
    """How many descriptors a process has; 0 where only root may look (the daemon is undumpable)."""
    try:
        return len(fds(pid))
    except PermissionError:
        return 0


def rss_bytes(pid):
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


def sanitized(program):
    """Built with AddressSanitizer, which keeps freed memory: its size says little."""
    with open(program, "rb") as f:
        return b"__asan_init" in f.read()


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid, "rb") as f:
        rest = f.read().rsplit(b")", 1)[1].split()
    return (int(rest[11]) + int(rest[12])) / os.sysconf("SC_CLK_TCK")
