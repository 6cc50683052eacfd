"""Findings are counted by violation and severity."""

from flask import Flask

from app.extensions import db, writing
from app.models import BasisViolation, File, Finding
from app.review.counting import Named, Tally, counts, tallies


def test_findings_are_counted_by_violation_and_severity(database_app: Flask) -> None:
    with database_app.app_context():
        with writing() as session:
            known = BasisViolation(code="V-1", violations="Насилие", age="16+", mark="violence")
            files = [File(name="a", owner="me"), File(name="b", owner="me")]
            session.add_all([known, *files])
            session.flush()
            found = [
                ("НАСИЛИЕ", known.id, "mild"),
                ("V-1", known.id, "severe"),
                ("own", None, "mild"),
                ("Own ", None, "mild"),
                ("own\u00a0 thing", None, "----"),
                ("насилие", known.id, "mild"),
                ("Own thing", None, "----"),
                ("v-1", known.id, "None"),
            ]
            for position, (text, violation_id, severity) in enumerate(found):
                values = {"violation": text, "violation_id": violation_id, "severity": severity}
                session.add(Finding(file_id=files[0].id, position=position, **values))
            session.add(Finding(file_id=files[1].id, position=0, violation="own", severity="moderate"))
            known_id, first, other = known.id, files[0].id, files[1].id
        violence = Named("Насилие", known_id, "V-1", "16+", "violence")
        assert tallies(db.session, Finding, first, {}) == [
            Tally(violence, "mild", 2),
            Tally(violence, "severe", 1),
            Tally(Named("own", None), "mild", 2),
            Tally(Named("own\u00a0 thing", None), "----", 2),
            Tally(violence, "None", 1),
        ]
        quantity, by_violation, by_severity = counts(db.session, first)
        assert quantity == 8
        assert list(by_violation.items()) == [("Насилие", 4), ("own", 2), ("own\u00a0 thing", 2)]
        assert list(by_severity.items()) == [("severe", 1), ("mild", 4), ("None", 1), ("----", 2)]
        assert counts(db.session, other) == (1, {"own": 1}, {"moderate": 1})
        assert counts(db.session, other + 1) == (0, {}, {})
        db.session.remove()
