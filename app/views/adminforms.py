"""The forms of the administration pages. What they take is checked by the functions behind them, as of any client."""

from wtforms import FloatField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from app.models.result import SEVERITIES
from app.models.source import MODELS
from app.review.violationlist import LONGEST
from app.views.adminlists import CheckedForm

KEPT = "*** keeps the stored password"


class ViolationForm(CheckedForm):
    """One violation."""

    violations = StringField("Violation", [InputRequired(), Length(max=LONGEST["violations"])])
    context = TextAreaField("Context", [Length(max=LONGEST["context"])])
    age = StringField("Age", [Length(max=LONGEST["age"])], description="One or several: 0+, 6+, 12+, 16+, 18+")
    mark = StringField("Mark", [Length(max=LONGEST["mark"])], description="A duty to label; alone, or beside the age")


class CommentForm(CheckedForm):
    """What of a comment may change."""

    comment = TextAreaField("Comment", [InputRequired()])
    severity = SelectField("Severity", choices=list(SEVERITIES))
    violation = StringField("Violation", [Length(max=255)])
    start = FloatField("Start, seconds", [Optional()])
    end = FloatField("End, seconds", [Optional()])


class SourceForm(CheckedForm):
    """What of a camera may change."""

    description = TextAreaField("Description", [Length(max=4096)])
    uri_rtsp = StringField("Address of the stream", [Length(max=2048)], description=f"rtsp://…; {KEPT}")
    uri = StringField("Address of still pictures", [Length(max=2048)], description="http://…")
    auth = SelectField("Sign-in of still pictures", choices=["", "basic", "digest"])
    user = StringField("User of still pictures", [Length(max=255)])
    password = StringField("Password of still pictures", [Length(max=255)], description=KEPT)
    ffmpeg_cmd = StringField("Recording command", [Length(max=2048)], description="Empty: a copy of the stream")


class NewSourceForm(SourceForm):
    """A camera."""

    model = SelectField("Model", choices=list(MODELS))


class GroupForm(CheckedForm):
    """What of a group may change."""

    name = StringField("Name", [InputRequired(), Length(max=255)])
    members = SelectMultipleField("Cameras", coerce=int, render_kw={"size": 10})


class NewGroupForm(CheckedForm):
    """A group."""

    model = SelectField("Model", choices=list(MODELS))
    name = StringField("Name", [InputRequired(), Length(max=255)])
