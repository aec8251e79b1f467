"""grpc_snapshots - archives of scratch volumes: the independent service's snapshot methods"""
import os
import shutil
import uuid

import grpc
from cwsandbox._proto import sandbox_pb2 as pb

from grpc_box import ACTIVE, copy_tree
from grpc_status import Refusing, now


class Archive:
    """One snapshot: its record and a copy of the volume."""

    def __init__(self, folder, box, volume, trigger, request_id, planted):
        self.planted = planted
        self.folder = os.path.join(folder, "snapshot-" + uuid.uuid4().hex)
        copy_tree(box.volume(volume), self.folder)
        size = sum(os.lstat(os.path.join(top, name)).st_size for top, _, names in os.walk(self.folder)
                   for name in names)
        self.record = pb.FileSystemSnapshot(
            file_system_snapshot_id="fss-" + uuid.uuid4().hex[:12], state=pb.SNAPSHOT_STATE_CREATING,
            size_bytes=size, source_sandbox_id=box.id, trigger=trigger, create_time=now(), updated_at=now(),
            source_volume_name=volume, request_id=request_id)

    @property
    def id(self):
        return self.record.file_system_snapshot_id

    def settle(self):
        """It is ready at the second look."""
        if self.record.state == pb.SNAPSHOT_STATE_CREATING:
            self.record.state = pb.SNAPSHOT_STATE_READY
            self.record.complete_time.CopyFrom(now())

    def restore(self, target):
        missed = sorted(os.listdir(self.folder))[-1:] if "restore-misses-a-file" in self.planted else ()
        copy_tree(self.folder, target, missed)


class Snapshots(Refusing):
    """Mixed into the servicer: it has `boxes`, `folder`, `enter`, `box` and `page`."""

    def __init__(self):
        self.archives, self.snapshot_requests = {}, {}

    def archive(self, snapshot_id, context):
        if snapshot_id not in self.archives:
            self.refuse(context, grpc.StatusCode.NOT_FOUND, "snapshot not found", reason="CWSANDBOX_FSS_NOT_FOUND",
                        metadata={"file_system_snapshot_id": snapshot_id})
        return self.archives[snapshot_id]

    def ready_archive(self, context):
        def find(snapshot_id):
            found = self.archive(snapshot_id, context)
            if found.record.state != pb.SNAPSHOT_STATE_READY:
                self.refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "the snapshot is not ready",
                            reason="CWSANDBOX_FSS_NOT_READY")
            return found
        return find

    def archive_volumes(self, box, names, trigger, request_id, context):
        unknown = [n for n in names if n not in box.scratch_names()]
        if unknown:
            self.invalid(context, ("snapshot_volumes", "no scratch volume %s" % unknown[0]))
        made = [Archive(self.folder, box, n, trigger, request_id, self.planted) for n in names]
        self.archives.update((a.id, a) for a in made)
        return made

    def CreateFileSystemSnapshot(self, request, context):
        self.enter("CreateFileSystemSnapshot", request, context)
        box = self.box(request.sandbox_id, context)
        if request.request_id and request.request_id in self.snapshot_requests:
            return self.archives[self.snapshot_requests[request.request_id]].record
        if box.status.state not in ACTIVE:
            self.refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "the sandbox is not running")
        names = [request.scratch_volume_name] if request.scratch_volume_name else box.scratch_names()
        if not names:
            self.refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "the sandbox has no scratch volume",
                        reason="CWSANDBOX_FSS_NOT_SUPPORTED")
        if len(names) > 1:
            self.invalid(context, ("scratch_volume_name", "must name one of several"))
        made = self.archive_volumes(box, names, pb.SNAPSHOT_TRIGGER_MANUAL, request.request_id, context)[0]
        if request.request_id:
            self.snapshot_requests[request.request_id] = made.id
        return made.record

    def GetFileSystemSnapshot(self, request, context):
        self.enter("GetFileSystemSnapshot", request, context)
        found = self.archive(request.file_system_snapshot_id, context)
        record = pb.FileSystemSnapshot()
        record.CopyFrom(found.record)
        found.settle()
        return record

    def ListFileSystemSnapshots(self, request, context):
        self.enter("ListFileSystemSnapshots", request, context)
        rows = [a.record for a in self.archives.values()
                if request.source_sandbox_id in ("", a.record.source_sandbox_id)]
        rows, token = self.page(rows, request)
        return pb.ListFileSystemSnapshotsResponse(file_system_snapshots=rows, next_page_token=token)

    def DeleteFileSystemSnapshot(self, request, context):
        self.enter("DeleteFileSystemSnapshot", request, context)
        if request.allow_missing and request.file_system_snapshot_id not in self.archives:
            return pb.FileSystemSnapshot()
        found = self.archive(request.file_system_snapshot_id, context)
        del self.archives[found.id]
        shutil.rmtree(found.folder)
        found.record.state = pb.SNAPSHOT_STATE_DELETING
        return found.record
