"""bytes of footage by day, kept by triggers: what a rule would delete is told from sums

Revision ID: b61f0a93d7c2
Revises: a5e8c2d91b47

"""
from alembic import op
import sqlalchemy as sa


revision = 'b61f0a93d7c2'
down_revision = 'a5e8c2d91b47'
branch_labels = None
depends_on = None

DAY_US = 86400000000
# Footage counts while its segment is closed, on the day of its start. Instants lie behind 1970, so `/` rounds down.
ADD = ('INSERT INTO kept_day (source_id, storage_id, day, segments, size_bytes) {rows} '
       'ON CONFLICT (source_id, storage_id, day) DO UPDATE SET segments = kept_day.segments + excluded.segments, '
       'size_bytes = kept_day.size_bytes + excluded.size_bytes')
VERBS = ('insert', 'update', 'delete')


def upgrade():
    op.create_table('kept_day',
    sa.Column('source_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('storage_id', sa.String(length=36), nullable=False),
    sa.Column('day', sa.Integer(), autoincrement=False, nullable=False, comment='since the epoch'),
    sa.Column('segments', sa.BigInteger(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_kept_day_source_id_source')),
    sa.ForeignKeyConstraint(['storage_id'], ['storage.id'], name=op.f('fk_kept_day_storage_id_storage')),
    sa.PrimaryKeyConstraint('source_id', 'storage_id', 'day', name=op.f('pk_kept_day'))
    )
    op.execute(f'INSERT INTO kept_day SELECT source_id, storage_id, start_us / {DAY_US}, count(*), sum(size_bytes) FROM segment '
               f'WHERE state = 1 GROUP BY source_id, storage_id, start_us / {DAY_US}')
    (keep_by_sqlite if op.get_bind().dialect.name == 'sqlite' else keep_by_postgresql)()


# The names of these triggers come behind `segment_sum_…`: PostgreSQL runs them in this order, so that whoever writes
# segments holds `kept_footage` first, as everywhere.
def keep_by_sqlite():
    def add(row, sign):
        values = f'{row}.source_id, {row}.storage_id, {row}.start_us / {DAY_US}, {sign}1, {sign}{row}.size_bytes'
        return ADD.format(rows=f'SELECT {values} WHERE {row}.state = 1')

    place = f'source_id = OLD.source_id AND storage_id = OLD.storage_id AND day = OLD.start_us / {DAY_US}'
    drop = f'DELETE FROM kept_day WHERE {place} AND segments = 0'
    changed = 'UPDATE OF state, source_id, storage_id, start_us, size_bytes'
    op.execute(f"CREATE TRIGGER segment_tally_insert AFTER INSERT ON segment BEGIN {add('NEW', '')}; END")
    op.execute(f"CREATE TRIGGER segment_tally_delete AFTER DELETE ON segment BEGIN {add('OLD', '-')}; {drop}; END")
    op.execute(f"CREATE TRIGGER segment_tally_update AFTER {changed} ON segment BEGIN {add('OLD', '-')}; {add('NEW', '')}; {drop}; END")


def keep_by_postgresql():
    # By statement: a row that is changed for each of thousands deleted at once would become slow.
    def add(was, now):
        parts = [f'SELECT source_id, storage_id, start_us / {DAY_US} AS d, {sign}1 AS n, {sign}size_bytes AS b FROM {table} WHERE state = 1'
                 for sign, table in (('-', was), ('', now)) if table]
        return ADD.format(rows='SELECT source_id, storage_id, d, sum(n), sum(b) FROM (' + ' UNION ALL '.join(parts)
                          + ') AS changed GROUP BY source_id, storage_id, d HAVING sum(n) <> 0 OR sum(b) <> 0 ORDER BY source_id, storage_id, d')

    drop = ('DELETE FROM kept_day WHERE segments = 0 AND (source_id, storage_id, day) IN '
            f'(SELECT source_id, storage_id, start_us / {DAY_US} FROM was_rows)')
    for verb, was, now in (('INSERT', None, 'now_rows'), ('DELETE', 'was_rows', None), ('UPDATE', 'was_rows', 'now_rows')):
        name = f'tally_segment_{verb.lower()}'
        seen = ' '.join([*(['OLD TABLE AS was_rows'] if was else []), *(['NEW TABLE AS now_rows'] if now else [])])
        body = f'{add(was, now)}; {drop if was else ""}{";" if was else ""}'
        op.execute(f'CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$')
        op.execute(f'CREATE TRIGGER segment_tally_{verb.lower()} AFTER {verb} ON segment REFERENCING {seen} FOR EACH STATEMENT EXECUTE FUNCTION {name}()')


def downgrade():
    is_sqlite = op.get_bind().dialect.name == 'sqlite'
    for verb in VERBS:
        op.execute(f'DROP TRIGGER segment_tally_{verb}' + ('' if is_sqlite else ' ON segment'))
        if not is_sqlite:
            op.execute(f'DROP FUNCTION tally_segment_{verb}')
    op.drop_table('kept_day')
