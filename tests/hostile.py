"""hostile - what a program in a sandbox tries to get out; tests/t-isolation.py runs it inside and judges

Reads what it is to look for (JSON) on stdin, prints one JSON object: each attempt's name, and what became of it:
an error's name, "nothing" when it had no effect, or "DONE" when it worked. It works with bare Python, as root without
capabilities, and would do no harm outside either: nothing it asks for is asked for twice.
"""
import ctypes
import errno
import fcntl
import json
import os
import platform
import pty
import resource
import signal
import socket
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
X86 = {"mount": 165, "umount2": 166, "pivot_root": 155, "unshare": 272, "setns": 308, "keyctl": 250, "add_key": 248,
       "request_key": 249, "bpf": 321, "perf_event_open": 298, "io_uring_setup": 425, "open_by_handle_at": 304,
       "init_module": 175, "reboot": 169, "ptrace": 101, "process_vm_readv": 310, "sethostname": 170,
       "settimeofday": 164, "swapon": 167, "syslog": 103, "userfaultfd": 323, "clone3": 435, "kexec_load": 246,
       "fsopen": 430, "open_tree": 428, "chroot": 161, "setgroups": 116}
ARM = {"mount": 40, "umount2": 39, "pivot_root": 41, "unshare": 97, "setns": 268, "keyctl": 219, "add_key": 217,
       "request_key": 218, "bpf": 280, "perf_event_open": 241, "io_uring_setup": 425, "open_by_handle_at": 265,
       "init_module": 105, "reboot": 142, "ptrace": 117, "process_vm_readv": 270, "sethostname": 161,
       "settimeofday": 170, "swapon": 224, "syslog": 116, "userfaultfd": 282, "clone3": 435, "kexec_load": 104,
       "fsopen": 430, "open_tree": 428, "chroot": 51, "setgroups": 159}
NUMBERS = {"x86_64": X86, "aarch64": ARM}[platform.machine()]
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
PTRACE_ATTACH = 16
KEYCTL_GET_KEYRING_ID, USER_KEYRING = 0, -4
FOREIGN_UID = 1


def syscall(name, *args):
    ctypes.set_errno(0)
    r = libc.syscall(NUMBERS[name], *(ctypes.c_long(a) if isinstance(a, int) else a for a in args))
    if r < 0:
        raise OSError(ctypes.get_errno(), name)
    return r


def read(path):
    with open(path, "rb") as f:
        return f.read(1)


def write(path, data=b"1"):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


def connect(family, address):
    with socket.socket(family) as s:
        s.settimeout(5)
        s.connect(address)


def stuff_terminal():
    master, slave = pty.openpty()
    fcntl.ioctl(slave, 0x5412, b"x")  # TIOCSTI


def raise_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (hard + 1, hard + 1))


def own_user_namespace():
    """In a child, which is then somewhere else."""
    pid = os.fork()
    if not pid:
        try:
            syscall("unshare", CLONE_NEWUSER)
        except OSError as e:
            os._exit(e.errno)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise OSError(code, "unshare")


def look_for(canary):
    """Whether any process that can be seen has it in its environment or command line."""
    if any(canary in k + v for k, v in os.environ.items()):
        return "DONE"
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) == os.getpid():
            continue
        for name in ("environ", "cmdline"):
            try:
                with open("/proc/%s/%s" % (pid, name), "rb") as f:
                    if canary.encode() in f.read():
                        return "DONE"
            except OSError:
                pass
    return "nothing"


def survives(pid, number):
    """A signal to a process that must not mind."""
    os.kill(pid, number)
    os.kill(pid, 0)
    return "nothing"


def kernel():
    buf = ctypes.create_string_buffer(64)
    at = ctypes.cast(buf, ctypes.c_void_p)
    return {
        "mount a tmpfs": lambda: syscall("mount", b"x", b"/tmp", b"tmpfs", 0, None),
        "remount /usr writable": lambda: syscall("mount", None, b"/usr", None, 0x1020, None),
        "unmount /proc": lambda: syscall("umount2", b"/proc", 2),
        "pivot_root": lambda: syscall("pivot_root", b"/tmp", b"/tmp"),
        "chroot": lambda: syscall("chroot", b"/tmp"),
        "open a file system": lambda: syscall("fsopen", b"tmpfs", 0),
        "clone a mount": lambda: syscall("open_tree", -100, b"/", 1),
        "a mount namespace": lambda: syscall("unshare", CLONE_NEWNS),
        "a user namespace": own_user_namespace,
        "a user namespace by clone3": lambda: syscall("clone3", at, 64),
        "enter a namespace": lambda: syscall("setns", os.open("/proc/self/ns/mnt", os.O_RDONLY), 0),
        "read the user's keyring": lambda: syscall("keyctl", KEYCTL_GET_KEYRING_ID, USER_KEYRING, 1),
        "add a key": lambda: syscall("add_key", b"user", b"x", b"y", 1, USER_KEYRING),
        "ask for a key": lambda: syscall("request_key", b"user", b"x", None, USER_KEYRING),
        "bpf": lambda: syscall("bpf", 0, at, 64),
        "perf_event_open": lambda: syscall("perf_event_open", at, 0, -1, -1, 0),
        "io_uring_setup": lambda: syscall("io_uring_setup", 1, at),
        "userfaultfd": lambda: syscall("userfaultfd", 0),
        "open by handle": lambda: syscall("open_by_handle_at", -100, at, 0),
        "load a module": lambda: syscall("init_module", at, 64, b""),
        "load a kernel": lambda: syscall("kexec_load", 0, 0, None, 0),
        "reboot": lambda: syscall("reboot", 1, 2, 0, None),
        "swapon": lambda: syscall("swapon", b"/tmp/x", 0),
        "read the kernel's messages": lambda: syscall("syslog", 3, at, 64),
        "set the clock": lambda: syscall("settimeofday", at, None),
        "set the host name": lambda: syscall("sethostname", b"x", 1),
        "type into a terminal": stuff_terminal,
    }


def rights():
    return {
        "become another user": lambda: os.setuid(FOREIGN_UID),
        "become another group": lambda: os.setgid(FOREIGN_UID),
        "set groups": lambda: syscall("setgroups", 0, None),
        "give a file away": lambda: os.chown(os.getcwd(), FOREIGN_UID, FOREIGN_UID),
        "make a disk": lambda: os.mknod("/tmp/disk", 0o60600, os.makedev(8, 0)),
        "make a character device": lambda: os.mknod("/tmp/mem", 0o20600, os.makedev(1, 1)),
        "raise a limit": raise_limit,
        "be nicer to oneself": lambda: os.nice(-5),
        "be spared by the killer": lambda: write("/proc/self/oom_score_adj", b"-500"),
        "listen to the network raw": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
        "write to /usr": lambda: os.close(os.open("/usr/x", os.O_CREAT | os.O_WRONLY)),
        "write to /bin/sh": lambda: write("/bin/sh"),
        "replace a library folder": lambda: os.rename("/usr/lib", "/usr/lib.old"),
    }


def first_process():
    buf = ctypes.create_string_buffer(64)
    iov = struct.pack("PN", ctypes.addressof(buf), 8)
    return {
        "trace the init": lambda: syscall("ptrace", PTRACE_ATTACH, 1, None, None),
        "read the init's memory": lambda: syscall("process_vm_readv", 1, iov, 1, iov, 1, 0),
        "open the init's memory": lambda: read("/proc/1/mem"),
        "write the init's memory": lambda: write("/proc/1/mem"),
        "read the init's environment": lambda: read("/proc/1/environ"),
        "look at the init's descriptors": lambda: os.readlink("/proc/1/fd/3"),
        "open the init's descriptors": lambda: read("/proc/1/fd/3"),
        "enter the init's root": lambda: os.listdir("/proc/1/root"),
        "open the init's program": lambda: read("/proc/1/exe"),
        "write the init's program": lambda: write("/proc/1/exe"),
        "kill the init": lambda: survives(1, signal.SIGKILL),
        "stop the init": lambda: survives(1, signal.SIGSTOP),
        "end the init": lambda: survives(1, signal.SIGTERM),
    }


def the_host(told):
    tries = {
        "find the canary": lambda: look_for(told["canary"]),
        "read /etc/shadow": lambda: read("/etc/shadow"),
        "write a sysctl": lambda: write("/proc/sys/kernel/core_pattern", b"|/tmp/x"),
        "write a sysctl of the network": lambda: write("/proc/sys/net/ipv4/ip_forward"),
        "press a magic key": lambda: write("/proc/sysrq-trigger", b"h"),
        "read the kernel's memory": lambda: read("/proc/kcore"),
        "read /dev/mem": lambda: read("/dev/mem"),
        "read the kernel's log": lambda: read("/dev/kmsg"),
        "find devices": lambda: os.listdir("/sys/class"),
    }
    for name, path in told["files"].items():
        tries["read " + name] = lambda path=path: read(path)
    for name, pid in told["pids"].items():
        tries["signal " + name] = lambda pid=pid: os.kill(pid, 0)
    for name, path in told["sockets"].items():
        tries["connect to " + name] = lambda path=path: connect(socket.AF_UNIX, path)
    for name, port in told["ports"].items():
        tries["connect to " + name] = lambda port=port: connect(socket.AF_INET, ("127.0.0.1", port))
    return tries


def outcome(attempt):
    try:
        return attempt() or "DONE"
    except ValueError as e:  # what Python makes of EPERM
        return str(e)
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e.errno)) if e.errno else type(e).__name__


def main():
    told = json.load(sys.stdin)
    tries = dict(kernel(), **rights(), **first_process(), **the_host(told))
    print(json.dumps({name: outcome(attempt) for name, attempt in tries.items()}))


main()
