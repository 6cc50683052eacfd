"""What the fields of activity and of marks on a timeline mean, for the documentation; see fields.py."""

from app.views.meanings import BEGIN, END, Meaning

SHARE = "Share of the picture, 0.0001 to 1, from which on it counts as movement"
HIGHEST = "The highest share of the picture that moved in each cell, 0 to 1; null where nothing is known"

ACTIVITY_FIELDS: dict[str, Meaning] = {
    "threshold": Meaning(SHARE, 0.002),
    "resolution": Meaning("Seconds; shorter gaps are not shown", 60.0),
    "ActivityObject.resolution": Meaning("Seconds a cell", 60.0),
    "ManyActivityObject.resolution": Meaning("Seconds a cell", 60.0),
    "MarksObject.resolution": Meaning("Seconds a cell of `counts`", 60.0),
    "ActivityObject.values": Meaning(HIGHEST, [0.0, 0.0312, None]),
    "SourceActivityObject.values": Meaning(HIGHEST, [0.0, 0.0312, None]),
    "SourceActivityObject.is_enabled": Meaning("Whether its footage is looked at", True),
    "ManyActivityObject.sources": Meaning("The cameras in the order in which they were asked for"),
    "ActivitySettingObject.is_enabled": Meaning("Whether its footage is looked at", True),
    "since": Meaning("Footage recorded before it is not looked at; null: from now on", BEGIN),
    "since_utc": Meaning("Footage recorded before it is not looked at; null where it was never switched on", BEGIN),
    "behind_s": Meaning("Seconds of footage that is yet to be looked at", 60.0),
    "looked_utc": Meaning("When its footage was last looked at", BEGIN),
    "decoded": Meaning("Key frames that were looked at so far", 43_200),
    "decoding_s": Meaning("Seconds of CPU that they took", 512.5),
    "after": Meaning("The first stretch that begins after it", BEGIN),
    "before": Meaning("The last stretch that begins before it", END),
    "min_s": Meaning("Seconds that it must last", 2.0),
    "NextActivityObject.start_utc": Meaning("Where it begins; null for none", BEGIN),
    "NextActivityObject.end_utc": Meaning("Where it ends; null for none", END),
    "peak": Meaning("The highest share of the picture that moved in it", 0.0312),
    "searched_utc": Meaning("How far the search came, where it was given up for its length", END),
    "kinds": Meaning("record, pin, comment, share, with commas between", "record,comment"),
    "MarksObject.record": Meaning("Recordings with their tags"),
    "MarksObject.pin": Meaning("Pins that protect now"),
    "MarksObject.comment": Meaning("Comments on files that were made of the footage"),
    "MarksObject.share": Meaning("Share links that open now"),
    "truncated": Meaning("Whether there are more than 2,000: then `items` is empty and `counts` is not null", False),
    "items": Meaning("The marks by begin"),
    **{
        f"{kind}MarksObject.counts": Meaning("How many begin in each cell, by camera; null where all are listed")
        for kind in ("Record", "Pin", "Comment", "Share")
    },
    "MarkCountsObject.values": Meaning("How many begin in each cell, those begun earlier in the first", [0, 12, 3]),
    "RecordMarkObject.tag": Meaning("The name of its tag", "night"),
    "RecordMarkObject.end_utc": Meaning("Where it ends; null while it goes on", END),
    "PinMarkObject.reason": Meaning("Why, in words", "theft"),
    "PinMarkObject.owner": Meaning("Who made it", "anna"),
    "CommentMarkObject.id": Meaning("The id of the comment", 7),
    "CommentMarkObject.file_id": Meaning("The id of the file", 3),
    "CommentMarkObject.text": Meaning("Plain text, to be escaped where it is shown", "left at the door"),
    "CommentMarkObject.author": Meaning("Whether a person or the AI said it", "User"),
    "CommentMarkObject.end_utc": Meaning("Where it ends; null where it is of an instant", END),
    "ShareMarkObject.description": Meaning("What it is called", "For the insurance"),
}
