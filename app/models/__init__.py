"""One table a module. Instants are integers of microseconds since the epoch (`_us`); most ids are UUIDs."""

from app.models.account import Account
from app.models.attempt import Attempt
from app.models.coverage import Coverage
from app.models.examplemodel import ExampleModel
from app.models.group import Group, group_source
from app.models.lease import Lease
from app.models.record import Record
from app.models.recorder import Recorder
from app.models.run import Run
from app.models.sampleentry import SampleEntry
from app.models.segment import Segment
from app.models.source import Source
from app.models.storage import Storage
from app.models.tag import Tag
from app.models.wanted import Wanted

__all__ = [
    "Account",
    "Attempt",
    "Coverage",
    "ExampleModel",
    "Group",
    "Lease",
    "Record",
    "Recorder",
    "Run",
    "SampleEntry",
    "Segment",
    "Source",
    "Storage",
    "Tag",
    "Wanted",
    "group_source",
]
