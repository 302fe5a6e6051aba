"""One error model: the same members in C, C++, Python, Node.js and HTTP."""

from __future__ import annotations

from typing import Any, ClassVar

from .common import ErrorCode

__all__ = [
    "AbortedError",
    "AlreadyExistsError",
    "CancelledError",
    "DataLossError",
    "DeadlineExceededError",
    "FailedPreconditionError",
    "InternalError",
    "InvalidArgumentError",
    "NotFoundError",
    "OutOfRangeError",
    "PermissionDeniedError",
    "ResourceExhaustedError",
    "TrunklineError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnimplementedError",
    "UnknownError",
]


class TrunklineError(Exception):
    """An operation failed. Every error of this package is one; each code has a subclass.

    Attributes:
        code: Why, as one of `ErrorCode`.
        message: What was found and what was wanted.
        target: The field or object at fault, such as `to[3]`; empty when there is none.
        retryable: Trying again can help.
        retry_after: Seconds to wait before that, when known.
        provider_code: The carrier's own code; empty when there is none.
        http_status: The status that a REST door answers; 0 when it follows from `code`.
        service_code: The error code of a REST door; empty when it follows from `code`.
        details: Anything else that was said about it.
    """

    default_code: ClassVar[ErrorCode] = ErrorCode.UNKNOWN

    code: ErrorCode | int
    message: str
    target: str
    retryable: bool
    retry_after: float | None
    provider_code: str
    http_status: int
    service_code: str
    details: dict[str, str]

    def __init__(
        self,
        message: str = "",
        *,
        code: ErrorCode | int | None = None,
        target: str = "",
        retryable: bool = False,
        retry_after: float | None = None,
        provider_code: str = "",
        http_status: int = 0,
        service_code: str = "",
        details: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = self.default_code if code is None else code
        self.target = target
        self.retryable = retryable
        self.retry_after = retry_after
        self.provider_code = provider_code
        self.http_status = http_status
        self.service_code = service_code
        self.details = {} if details is None else details

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own form would call the class with positional arguments and lose the members.
        return (type(self), (self.message,), self.__dict__.copy())


class CancelledError(TrunklineError):
    """The caller cancelled the operation."""

    default_code = ErrorCode.CANCELLED


class UnknownError(TrunklineError):
    """Anything that no other class says."""

    default_code = ErrorCode.UNKNOWN


class InvalidArgumentError(TrunklineError, ValueError):
    """The request is malformed; sending it again cannot succeed."""

    default_code = ErrorCode.INVALID_ARGUMENT


class DeadlineExceededError(TrunklineError, TimeoutError):
    """The time was up before the operation completed. Its outcome is unknown."""

    default_code = ErrorCode.DEADLINE_EXCEEDED


class NotFoundError(TrunklineError, LookupError):
    """What the request names does not exist."""

    default_code = ErrorCode.NOT_FOUND


class AlreadyExistsError(TrunklineError):
    """What the request creates exists already."""

    default_code = ErrorCode.ALREADY_EXISTS


class PermissionDeniedError(TrunklineError, PermissionError):
    """The caller is known but may not do this."""

    default_code = ErrorCode.PERMISSION_DENIED


class ResourceExhaustedError(TrunklineError):
    """A quota or rate is used up; see `retry_after`."""

    default_code = ErrorCode.RESOURCE_EXHAUSTED


class FailedPreconditionError(TrunklineError, RuntimeError):
    """The system is not in the state the operation needs: a closed runtime, for example."""

    default_code = ErrorCode.FAILED_PRECONDITION


class AbortedError(TrunklineError):
    """A concurrent change interfered; read again and retry."""

    default_code = ErrorCode.ABORTED


class OutOfRangeError(TrunklineError, ValueError):
    """A value lies outside its valid range."""

    default_code = ErrorCode.OUT_OF_RANGE


class UnimplementedError(TrunklineError, NotImplementedError):
    """The operation is not implemented by this provider."""

    default_code = ErrorCode.UNIMPLEMENTED


class InternalError(TrunklineError):
    """A broken invariant of the runtime or a plugin."""

    default_code = ErrorCode.INTERNAL


class UnavailableError(TrunklineError, ConnectionError):
    """The remote side cannot be reached right now."""

    default_code = ErrorCode.UNAVAILABLE


class DataLossError(TrunklineError):
    """Data was lost or is corrupt."""

    default_code = ErrorCode.DATA_LOSS


class UnauthenticatedError(TrunklineError):
    """Credentials are missing or refused."""

    default_code = ErrorCode.UNAUTHENTICATED


_classes: dict[int, type[TrunklineError]] = {error.default_code: error for error in TrunklineError.__subclasses__()}


def make(
    code: int,
    message: str,
    target: str,
    retryable: bool,
    retry_after: float | None,
    provider_code: str,
    http_status: int,
    service_code: str,
    details: dict[str, str],
) -> TrunklineError:
    """The exception for an error of the native side, which calls this."""
    cls = _classes.get(code, TrunklineError)
    return cls(
        message,
        code=cls.default_code if code in _classes else code,
        target=target,
        retryable=retryable,
        retry_after=retry_after,
        provider_code=provider_code,
        http_status=http_status,
        service_code=service_code,
        details=details,
    )
