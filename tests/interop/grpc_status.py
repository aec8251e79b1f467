"""grpc_status - how the independent service says no: code, message and the details of AIP-193 in the trailers"""
import grpc
from google.protobuf import any_pb2, duration_pb2, timestamp_pb2
from google.rpc import error_details_pb2, status_pb2


def now():
    stamp = timestamp_pb2.Timestamp()
    stamp.GetCurrentTime()
    return stamp


def rich_status(code, message, reason=None, metadata=None, retry_after=None, violations=()):
    """The trailer google.rpc.Status of an error."""
    status = status_pb2.Status(code=code.value[0], message=message)
    details = []
    if reason:
        details.append(error_details_pb2.ErrorInfo(reason=reason, domain="cwsandbox.com", metadata=metadata or {}))
    if retry_after is not None:
        details.append(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(
            seconds=int(retry_after), nanos=int(retry_after % 1 * 1e9))))
    if violations:
        details.append(error_details_pb2.BadRequest(field_violations=[
            error_details_pb2.BadRequest.FieldViolation(field=f, description=d) for f, d in violations]))
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return (("grpc-status-details-bin", status.SerializeToString()),)


class Refusing:
    """What can answer with an error; `planted` names the faults it was given on purpose."""

    planted = frozenset()

    def refuse(self, context, code, message, **details):
        if details and "details-missing" not in self.planted:
            context.set_trailing_metadata(rich_status(code, message, **details))
        context.abort(code, message)

    def invalid(self, context, *violations):
        self.refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "the request is not valid",
                    reason="CWSANDBOX_INVALID_REQUEST", violations=violations)
