"""One table a module. Instants are integers of microseconds since the epoch (`_us`); most ids are UUIDs."""

from app.models.account import Account, AccountRight, ApiToken, ShareLink
from app.models.activity import Activity, ActivityDay, ActivitySetting
from app.models.analyser import AnalyserMark
from app.models.attempt import Attempt
from app.models.audit import Audit, AuditSeal
from app.models.cinema import Cinema
from app.models.clockstep import ClockStep
from app.models.comment import Comment, Recommendation
from app.models.coverage import Coverage
from app.models.deletion import Deletion
from app.models.doomed import Doomed
from app.models.examplemodel import ExampleModel
from app.models.file import File
from app.models.fileevent import FileEvent
from app.models.group import Group, group_source
from app.models.idempotency import IdempotentAnswer
from app.models.lease import Lease
from app.models.loss import Loss, LossDue, LossMark
from app.models.notice import Notice, WebhookMark
from app.models.record import Record
from app.models.recorder import Recorder
from app.models.refer import DownloadLease, ReferKey, Rotation
from app.models.result import Finding, Result
from app.models.retention import Pin, RetentionRule
from app.models.retentionmark import RetentionMark
from app.models.run import Run
from app.models.sampleentry import SampleEntry
from app.models.schedule import Schedule
from app.models.segment import Segment
from app.models.signin import AccountSession, RecoveryCode, SignInFailure
from app.models.source import Source
from app.models.storage import Storage
from app.models.sums import AttemptCount, KeptDay, KeptFootage
from app.models.syncjob import ReceivedCopy, SyncItem, SyncJob
from app.models.tag import Tag
from app.models.viewing import Viewing
from app.models.violations import BasisViolation, LoadedList
from app.models.wanted import Wanted

__all__ = [
    "Account",
    "AccountRight",
    "AccountSession",
    "Activity",
    "ActivityDay",
    "ActivitySetting",
    "AnalyserMark",
    "ApiToken",
    "Attempt",
    "AttemptCount",
    "Audit",
    "AuditSeal",
    "BasisViolation",
    "Cinema",
    "ClockStep",
    "Comment",
    "Coverage",
    "Deletion",
    "Doomed",
    "DownloadLease",
    "ExampleModel",
    "File",
    "FileEvent",
    "Finding",
    "Group",
    "IdempotentAnswer",
    "KeptDay",
    "KeptFootage",
    "Lease",
    "LoadedList",
    "Loss",
    "LossDue",
    "LossMark",
    "Notice",
    "Pin",
    "ReceivedCopy",
    "Recommendation",
    "Record",
    "Recorder",
    "RecoveryCode",
    "ReferKey",
    "Result",
    "RetentionMark",
    "RetentionRule",
    "Rotation",
    "Run",
    "SampleEntry",
    "Schedule",
    "Segment",
    "ShareLink",
    "SignInFailure",
    "Source",
    "Storage",
    "SyncItem",
    "SyncJob",
    "Tag",
    "Viewing",
    "Wanted",
    "WebhookMark",
    "group_source",
]
