"""coverage, summed up from the segments that are there

Revision ID: 4c1d7e52a9f0
Revises: bf5615f32aba
"""
import struct
import time
from itertools import chain, groupby

from alembic import op
import sqlalchemy as sa


revision = '4c1d7e52a9f0'
down_revision = 'bf5615f32aba'
branch_labels = None
depends_on = None

# As app/archive/coverage.py has them at this revision: level 0 is days, level 1 is 32 days; gaps that are not kept.
DAY_US = 86_400_000_000
DAY_SLACK_US = 10_000_000
DAYS_32_SLACK_US = 1_800_000_000
CLOSED = 1
PAGE = 20_000


def upgrade():
    op.create_table('coverage',
    sa.Column('source_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('level', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('cell', sa.Integer(), autoincrement=False, nullable=False, comment='number of the cell since the epoch'),
    sa.Column('revision', sa.BigInteger(), nullable=False, comment="counts changes of the cell's segments"),
    sa.Column('spans', sa.LargeBinary(), nullable=False, comment='closed footage: pairs of int64 (begin, end), little-endian, us, by begin'),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_coverage_source_id_source')),
    sa.PrimaryKeyConstraint('source_id', 'level', 'cell', name=op.f('pk_coverage'))
    )
    fill(op.get_bind())


def fill(connection):
    """Sum up all segments: a page of rows in memory at a time, each row read once, each cell written once."""
    for (source_id,) in connection.execute(sa.text('SELECT id FROM source ORDER BY id')).all():
        days = []
        for cell, rows in groupby(segments(connection, source_id), lambda row: row[0] // DAY_US):
            closed = [(start, end) for start, end, state in rows if state == CLOSED and end > start]
            days.append((cell, joined(closed, DAY_SLACK_US)))
        write(connection, source_id, 0, days)
        by_32 = groupby(days, lambda day: day[0] // 32)
        write(connection, source_id, 1, [
            (cell, joined([span for _, spans in found for span in spans], DAYS_32_SLACK_US)) for cell, found in by_32
        ])


def segments(connection, source_id):
    """Yield start, end and state of the segments of a source by start."""
    page = sa.text(
        'SELECT start_us, end_us, state FROM segment WHERE source_id = :source_id AND start_us > :after '
        'ORDER BY start_us LIMIT :page'
    )
    after = -1
    while rows := connection.execute(page, {'source_id': source_id, 'after': after, 'page': PAGE}).all():
        yield from rows
        after = rows[-1][0]


def joined(spans, slack_us):
    """Return the union of spans that come by begin, gaps shorter than slack_us closed."""
    union = []
    for begin, end in spans:
        if union and begin - union[-1][1] < slack_us:
            union[-1] = (union[-1][0], max(union[-1][1], end))
        else:
            union.append((begin, end))
    return union


def write(connection, source_id, level, cells):
    """Insert cells; those without closed footage too, for their revision."""
    insert = sa.text(
        'INSERT INTO coverage (source_id, level, cell, revision, spans) '
        'VALUES (:source_id, :level, :cell, :revision, :spans)'
    )
    for cell, spans in cells:
        stored = struct.pack(f'<{2 * len(spans)}q', *chain.from_iterable(spans))
        values = {'source_id': source_id, 'level': level, 'cell': cell, 'revision': time.time_ns() // 1000}
        connection.execute(insert, {**values, 'spans': stored})


def downgrade():
    op.drop_table('coverage')
