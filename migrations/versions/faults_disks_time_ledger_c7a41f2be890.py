"""retention, pins, audit; the ledger's causes; notices; steps of the clock; what is measured of storages; chains of hashes

Revision ID: c7a41f2be890
Revises: 9b3e20d7c514
"""
from alembic import op
import sqlalchemy as sa


revision = 'c7a41f2be890'
down_revision = '9b3e20d7c514'
branch_labels = None
depends_on = None

STORAGE_COLUMNS = ('write_worst_us', 'write_us', 'looked_us', 'free_bytes', 'total_bytes', 'state_us', 'state_detail', 'state',
                   'reserve_bytes', 'budget_bytes', 'is_cold')


def upgrade():
    op.create_table('retention_rule',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('scope', sa.String(length=8), nullable=False, comment='a word of SCOPES'),
    sa.Column('group_id', sa.String(length=36), nullable=True),
    sa.Column('tag_id', sa.String(length=36), nullable=True),
    sa.Column('source_id', sa.Integer(), nullable=True),
    sa.Column('min_age_s', sa.BigInteger(), nullable=True, comment='kept so long, whatever the budget; seconds'),
    sa.Column('max_age_s', sa.BigInteger(), nullable=True, comment='deleted when older; seconds'),
    sa.Column('min_bytes', sa.BigInteger(), nullable=True, comment='so much stays, however old'),
    sa.Column('max_bytes', sa.BigInteger(), nullable=True, comment='the oldest goes when there is more'),
    sa.Column('created_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('changed_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('actor', sa.String(length=255), nullable=False, comment='account that set it last'),
    sa.CheckConstraint("scope IN ('all', 'group', 'tag', 'source')", name=op.f('ck_retention_rule_scope')),
    sa.CheckConstraint("(scope = 'group') = (group_id IS NOT NULL) AND (scope = 'tag') = (tag_id IS NOT NULL) "
                       "AND (scope = 'source') = (source_id IS NOT NULL)", name=op.f('ck_retention_rule_target')),
    sa.CheckConstraint('min_age_s IS NULL OR max_age_s IS NULL OR min_age_s <= max_age_s', name=op.f('ck_retention_rule_age')),
    sa.CheckConstraint('min_bytes IS NULL OR max_bytes IS NULL OR min_bytes <= max_bytes', name=op.f('ck_retention_rule_bytes')),
    sa.ForeignKeyConstraint(['group_id'], ['group.id'], name=op.f('fk_retention_rule_group_id_group'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_retention_rule_source_id_source')),
    sa.ForeignKeyConstraint(['tag_id'], ['tag.id'], name=op.f('fk_retention_rule_tag_id_tag')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_retention_rule')),
    sa.UniqueConstraint('group_id', name=op.f('uq_retention_rule_group_id')),
    sa.UniqueConstraint('source_id', name=op.f('uq_retention_rule_source_id')),
    sa.UniqueConstraint('tag_id', name=op.f('uq_retention_rule_tag_id'))
    )
    op.create_index('uq_retention_rule_all', 'retention_rule', ['scope'], unique=True, sqlite_where=sa.text("scope = 'all'"), postgresql_where=sa.text("scope = 'all'"))
    op.create_table('pin',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('source_id', sa.Integer(), nullable=False),
    sa.Column('begin_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('end_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('owner', sa.String(length=255), nullable=False, comment='account that made it'),
    sa.Column('reason', sa.Text(), nullable=False, comment='in words, as given'),
    sa.Column('expires_us', sa.BigInteger(), nullable=True, comment='instant it ends by itself; null for never'),
    sa.Column('created_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('released_us', sa.BigInteger(), nullable=True, comment='instant somebody released it'),
    sa.Column('released_by', sa.String(length=255), nullable=True, comment='account that released it'),
    sa.CheckConstraint('end_us > begin_us', name=op.f('ck_pin_span')),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_pin_source_id_source')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pin'))
    )
    op.create_index('ix_pin_source_id_begin_us', 'pin', ['source_id', 'begin_us'], unique=False)
    op.create_table('audit',
    sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('at_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('actor', sa.String(length=255), nullable=False, comment='account, or the part of the service'),
    sa.Column('action', sa.String(length=64), nullable=False, comment='as pin.create, retention.change, export, fsck.repair'),
    sa.Column('subject', sa.String(length=255), nullable=False, comment='id of what it was done to'),
    sa.Column('source_id', sa.Integer(), nullable=True),
    sa.Column('detail', sa.Text(), nullable=False, comment='JSON object: the values, without secrets'),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_audit_source_id_source')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit')),
    sqlite_autoincrement=True
    )
    op.create_index('ix_audit_at_us', 'audit', ['at_us'], unique=False)
    op.create_table('loss',
    sa.Column('source_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('begin_us', sa.BigInteger(), autoincrement=False, nullable=False, comment='instant, us since the epoch'),
    sa.Column('end_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('cause', sa.String(length=24), nullable=False, comment='a reason of an attempt, or a word of the ledger'),
    sa.Column('detail', sa.Text(), nullable=True, comment='one line, without secrets'),
    sa.CheckConstraint('end_us > begin_us', name=op.f('ck_loss_span')),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_loss_source_id_source')),
    sa.PrimaryKeyConstraint('source_id', 'begin_us', name=op.f('pk_loss'))
    )
    op.create_index('ix_loss_cause', 'loss', ['cause'], unique=False)
    op.create_table('loss_mark',
    sa.Column('source_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('settled_us', sa.BigInteger(), nullable=False, comment='instant until which losses are written down'),
    sa.Column('expected_us', sa.BigInteger(), server_default='0', nullable=False, comment='length of what was wanted'),
    sa.Column('recorded_us', sa.BigInteger(), server_default='0', nullable=False, comment='length of what there was'),
    sa.Column('revision', sa.Integer(), server_default='0', nullable=False, comment='counts settlements'),
    sa.Column('lost', sa.Text(), server_default='{}', nullable=False, comment='JSON object: cause to the sum of its losses, us'),
    sa.Column('doubtful_us', sa.BigInteger(), nullable=True, comment='from here on settled while something was open for too long; null for nowhere'),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_loss_mark_source_id_source')),
    sa.PrimaryKeyConstraint('source_id', name=op.f('pk_loss_mark'))
    )
    op.create_table('loss_due',
    sa.Column('source_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('begin_us', sa.BigInteger(), autoincrement=False, nullable=False, comment='instant, us since the epoch'),
    sa.Column('end_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('stamp', sa.Integer(), server_default='0', nullable=False, comment='counts changes of the row'),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_loss_due_source_id_source')),
    sa.PrimaryKeyConstraint('source_id', 'begin_us', name=op.f('pk_loss_due'))
    )
    op.create_table('clock_step',
    sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('host_id', sa.String(length=64), nullable=False, comment='machine id, or host name'),
    sa.Column('at_us', sa.BigInteger(), nullable=False, comment='the wall clock just after the step, us since the epoch'),
    sa.Column('step_us', sa.BigInteger(), nullable=False, comment='forward is positive'),
    sa.Column('detail', sa.Text(), nullable=True, comment='one line'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_clock_step')),
    sqlite_autoincrement=True
    )
    op.create_index('ix_clock_step_at_us', 'clock_step', ['at_us'], unique=False)
    op.create_table('notice',
    sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('at_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('kind', sa.String(length=32), nullable=False, comment='as source, storage, recorder, clock, damage, retention'),
    sa.Column('subject', sa.String(length=64), nullable=False, comment='id of what it is about'),
    sa.Column('is_bad', sa.Boolean(), nullable=False, comment='false: it is well again'),
    sa.Column('text', sa.Text(), nullable=False, comment='one line: what happened and the way out, without secrets'),
    sa.Column('source_id', sa.Integer(), nullable=True),
    sa.Column('storage_id', sa.String(length=36), nullable=True),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_notice_source_id_source')),
    sa.ForeignKeyConstraint(['storage_id'], ['storage.id'], name=op.f('fk_notice_storage_id_storage')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notice')),
    sqlite_autoincrement=True
    )
    op.create_index('ix_notice_kind_subject', 'notice', ['kind', 'subject', 'id'], unique=False)
    op.create_index('ix_notice_at_us', 'notice', ['at_us'], unique=False)
    op.create_table('webhook_mark',
    sa.Column('target', sa.String(length=64), nullable=False, comment='hex SHA-256 of its address'),
    sa.Column('last_id', sa.Integer(), nullable=False, comment='the last notice that it has taken'),
    sa.Column('next_us', sa.BigInteger(), nullable=False, comment='instant of the next try'),
    sa.Column('tries', sa.Integer(), nullable=False, comment='that failed since the last success'),
    sa.Column('error', sa.Text(), nullable=True, comment='one line, without secrets'),
    sa.PrimaryKeyConstraint('target', name=op.f('pk_webhook_mark'))
    )
    op.create_table('retention_mark',
    sa.Column('host_id', sa.String(length=64), nullable=False, comment='machine id, or host name'),
    sa.Column('boot_id', sa.String(length=36), nullable=False, comment='of the kernel, new at each boot'),
    sa.Column('booted_us', sa.BigInteger(), nullable=False, comment='us since the boot, at the last pass'),
    sa.Column('believed_us', sa.BigInteger(), nullable=False, comment='instant that ages were counted to, us since the epoch'),
    sa.PrimaryKeyConstraint('host_id', name=op.f('pk_retention_mark'))
    )
    add_storage_columns()
    add_footage_columns()
    make_doomed_anew(has_storage_in_key=True)
    keep_audit(op.get_bind())
    keep_sums(op.get_bind().dialect.name == 'sqlite')


def add_storage_columns():
    # With its check, and not by batch: that would make the table anew, which its foreign keys forbid.
    state = "VARCHAR(16) DEFAULT 'ok' NOT NULL CONSTRAINT ck_storage_state CHECK (state IN ('ok', 'full', 'read_only', 'away', 'slow', 'failing'))"
    op.add_column('storage', sa.Column('is_cold', sa.Boolean(), nullable=False, server_default=sa.false(), comment='footage moves here with age'))
    op.add_column('storage', sa.Column('budget_bytes', sa.BigInteger(), nullable=True, comment='most that footage may take; null for no limit'))
    op.add_column('storage', sa.Column('reserve_bytes', sa.BigInteger(), nullable=False, server_default='0', comment='left free on its disk'))
    op.execute(f'ALTER TABLE storage ADD COLUMN state {state}')
    comment('storage', 'state', 'a word of STORAGE_STATES')
    op.add_column('storage', sa.Column('state_detail', sa.Text(), nullable=True, comment='one line: the cause and the way out'))
    op.add_column('storage', sa.Column('state_us', sa.BigInteger(), nullable=True, comment='instant the state began'))
    op.add_column('storage', sa.Column('total_bytes', sa.BigInteger(), nullable=True, comment='of its file system, as measured last'))
    op.add_column('storage', sa.Column('free_bytes', sa.BigInteger(), nullable=True, comment='of its file system, as measured last'))
    op.add_column('storage', sa.Column('looked_us', sa.BigInteger(), nullable=True, comment='instant of the measurement'))
    op.add_column('storage', sa.Column('write_us', sa.BigInteger(), nullable=True, comment='how long the last write to the disk took'))
    op.add_column('storage', sa.Column('write_worst_us', sa.BigInteger(), nullable=True, comment='the longest of the last minutes'))


def comment(table, column, text):
    """Say what a column means that was added by a statement of its own."""
    if op.get_bind().dialect.name == 'postgresql':
        op.execute(f"COMMENT ON COLUMN {table}.{column} IS '{text}'")


def add_footage_columns():
    clock = "VARCHAR(8) DEFAULT 'ok' NOT NULL CONSTRAINT ck_run_clock CHECK (clock IN ('ok', 'unset'))"
    op.add_column('run', sa.Column('capture_id', sa.String(length=36), nullable=True, comment="UUID in the names of ffmpeg's files where it is not the run's own"))
    op.execute(f'ALTER TABLE run ADD COLUMN clock {clock}')
    comment('run', 'clock', 'ok, or unset: the machine did not know the time')
    op.add_column('run', sa.Column('true_shift_us', sa.BigInteger(), nullable=True, comment='to be added to instants of a run of an unset clock; null until the clock was set'))
    op.create_index('ix_run_capture_id', 'run', ['capture_id'], unique=False)
    op.add_column('segment', sa.Column('chain', sa.String(length=64), nullable=True, comment='hex SHA-256 over the closing box; null of old files'))
    op.add_column('segment', sa.Column('verified_us', sa.BigInteger(), nullable=True, comment='instant its file was last read and judged'))
    op.add_column('segment', sa.Column('fault', sa.String(length=24), nullable=True, comment='what was found wrong with the file; null for nothing'))
    op.create_index('ix_segment_storage_id_start_us', 'segment', ['storage_id', 'start_us'], unique=False)
    op.create_index('ix_segment_verified_us_start_us', 'segment', ['verified_us', 'start_us'], unique=False)
    has_fault = sa.text('fault IS NOT NULL')
    op.create_index('ix_segment_fault', 'segment', ['fault'], unique=False, sqlite_where=has_fault, postgresql_where=has_fault)


def make_doomed_anew(*, has_storage_in_key):
    """Give `doomed` its other key: a file that was moved is doomed at one place and not at the other."""
    op.drop_index('ix_doomed_since_us_start_us', 'doomed')
    op.rename_table('doomed', 'doomed_before')
    if op.get_bind().dialect.name == 'postgresql':
        for name in ('pk_doomed', 'fk_doomed_source_id_source', 'fk_doomed_storage_id_storage'):
            op.execute(f'ALTER TABLE doomed_before RENAME CONSTRAINT {name} TO {name}_before')
    due = [sa.Column('due_us', sa.BigInteger(), nullable=False, server_default='0', comment='not to be unlinked before: who reads it must find the other')]
    op.create_table('doomed',
    sa.Column('segment_id', sa.String(length=36), nullable=False),
    sa.Column('storage_id', sa.String(length=36), nullable=False),
    sa.Column('source_id', sa.Integer(), nullable=False),
    sa.Column('start_us', sa.BigInteger(), nullable=False, comment='start of the segment: leads to its path'),
    sa.Column('since_us', sa.BigInteger(), nullable=False, comment='instant the row was removed'),
    *(due if has_storage_in_key else []),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_doomed_source_id_source')),
    sa.ForeignKeyConstraint(['storage_id'], ['storage.id'], name=op.f('fk_doomed_storage_id_storage')),
    sa.PrimaryKeyConstraint(*(('segment_id', 'storage_id') if has_storage_in_key else ('segment_id',)), name=op.f('pk_doomed'))
    )
    op.execute('INSERT INTO doomed (segment_id, storage_id, source_id, start_us, since_us) '
               'SELECT segment_id, min(storage_id), min(source_id), min(start_us), min(since_us) FROM doomed_before GROUP BY segment_id')
    op.drop_table('doomed_before')
    op.create_index('ix_doomed_since_us_start_us', 'doomed', ['since_us', 'start_us'], unique=False)


REFUSAL = 'rows of audit are never changed or removed'


def keep_audit(connection):
    """Let the table of what was done only grow, whoever writes to it."""
    if connection.dialect.name == 'sqlite':
        for verb in ('UPDATE', 'DELETE'):
            op.execute(
                f'CREATE TRIGGER audit_keep_{verb.lower()} BEFORE {verb} ON audit '
                f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            )
        # REPLACE removes a row without the trigger of DELETE.
        op.execute(
            'CREATE TRIGGER audit_keep_insert BEFORE INSERT ON audit '
            'WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id) '
            f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        )
        return
    op.execute(
        'CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS '
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    )
    op.execute(
        'CREATE TRIGGER audit_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON audit '
        'FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()'
    )


# Footage counts while its segment is closed.
SUMMED = 'count(*), sum(size_bytes), sum(end_us - start_us)'
ADD_FOOTAGE = ('INSERT INTO kept_footage (source_id, storage_id, segments, size_bytes, length_us) {rows} '
               'ON CONFLICT (source_id, storage_id) DO UPDATE SET segments = kept_footage.segments + excluded.segments, '
               'size_bytes = kept_footage.size_bytes + excluded.size_bytes, length_us = kept_footage.length_us + excluded.length_us')
ADD_ATTEMPT = ("INSERT INTO attempt_count (source_id, reason, ended) VALUES (NEW.source_id, coalesce(NEW.reason, 'unknown'), 1) "
               'ON CONFLICT (source_id, reason) DO UPDATE SET ended = attempt_count.ended + 1')


def keep_sums(is_sqlite):
    """Make the tables of sums, fill them, and let triggers keep them, whoever writes the rows they are of."""
    op.create_table('kept_footage',
    sa.Column('source_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('storage_id', sa.String(length=36), nullable=False),
    sa.Column('segments', sa.BigInteger(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('length_us', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_kept_footage_source_id_source')),
    sa.ForeignKeyConstraint(['storage_id'], ['storage.id'], name=op.f('fk_kept_footage_storage_id_storage')),
    sa.PrimaryKeyConstraint('source_id', 'storage_id', name=op.f('pk_kept_footage'))
    )
    op.create_table('attempt_count',
    sa.Column('source_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('reason', sa.String(length=24), nullable=False),
    sa.Column('ended', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_attempt_count_source_id_source')),
    sa.PrimaryKeyConstraint('source_id', 'reason', name=op.f('pk_attempt_count'))
    )
    op.execute(f'INSERT INTO kept_footage SELECT source_id, storage_id, {SUMMED} FROM segment WHERE state = 1 GROUP BY source_id, storage_id')
    op.execute("INSERT INTO attempt_count SELECT source_id, coalesce(reason, 'unknown'), count(*) FROM attempt "
               "WHERE end_us IS NOT NULL GROUP BY source_id, coalesce(reason, 'unknown')")
    is_living = sa.text('end_us IS NULL')
    op.create_index('ix_attempt_living', 'attempt', ['source_id'], unique=False, sqlite_where=is_living, postgresql_where=is_living)
    (keep_sums_of_sqlite if is_sqlite else keep_sums_of_postgresql)()


def keep_sums_of_sqlite():
    def add(row, sign):
        values = f'{row}.source_id, {row}.storage_id, {sign}1, {sign}{row}.size_bytes, {sign}({row}.end_us - {row}.start_us)'
        return ADD_FOOTAGE.format(rows=f'SELECT {values} WHERE {row}.state = 1')

    changed = 'UPDATE OF state, source_id, storage_id, start_us, end_us, size_bytes'
    op.execute(f"CREATE TRIGGER segment_sum_insert AFTER INSERT ON segment BEGIN {add('NEW', '')}; END")
    op.execute(f"CREATE TRIGGER segment_sum_delete AFTER DELETE ON segment BEGIN {add('OLD', '-')}; END")
    op.execute(f"CREATE TRIGGER segment_sum_update AFTER {changed} ON segment BEGIN {add('OLD', '-')}; {add('NEW', '')}; END")
    op.execute(f'CREATE TRIGGER attempt_count_insert AFTER INSERT ON attempt WHEN NEW.end_us IS NOT NULL BEGIN {ADD_ATTEMPT}; END')
    op.execute('CREATE TRIGGER attempt_count_update AFTER UPDATE OF end_us ON attempt '
               f'WHEN OLD.end_us IS NULL AND NEW.end_us IS NOT NULL BEGIN {ADD_ATTEMPT}; END')


def keep_sums_of_postgresql():
    # By statement: a row that is changed for each of thousands deleted at once would become slow.
    def add(was, now):
        parts = [f'SELECT source_id, storage_id, {sign}1 AS n, {sign}size_bytes AS b, {sign}(end_us - start_us) AS t FROM {table} WHERE state = 1'
                 for sign, table in (('-', was), ('', now)) if table]
        return ADD_FOOTAGE.format(rows='SELECT source_id, storage_id, sum(n), sum(b), sum(t) FROM (' + ' UNION ALL '.join(parts)
                                  + ') AS changed GROUP BY source_id, storage_id HAVING sum(n) <> 0 OR sum(b) <> 0 OR sum(t) <> 0 '
                                  'ORDER BY source_id, storage_id')

    for verb, was, now in (('INSERT', None, 'now_rows'), ('DELETE', 'was_rows', None), ('UPDATE', 'was_rows', 'now_rows')):
        name = f'sum_segment_{verb.lower()}'
        seen = ' '.join([*(['OLD TABLE AS was_rows'] if was else []), *(['NEW TABLE AS now_rows'] if now else [])])
        op.execute(f'CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {add(was, now)}; RETURN NULL; END $$')
        op.execute(f'CREATE TRIGGER segment_sum_{verb.lower()} AFTER {verb} ON segment REFERENCING {seen} FOR EACH STATEMENT EXECUTE FUNCTION {name}()')
    op.execute(f'CREATE FUNCTION count_attempt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {ADD_ATTEMPT}; RETURN NULL; END $$')
    op.execute('CREATE TRIGGER attempt_count_insert AFTER INSERT ON attempt FOR EACH ROW WHEN (NEW.end_us IS NOT NULL) EXECUTE FUNCTION count_attempt()')
    op.execute('CREATE TRIGGER attempt_count_update AFTER UPDATE OF end_us ON attempt FOR EACH ROW '
               'WHEN (OLD.end_us IS NULL AND NEW.end_us IS NOT NULL) EXECUTE FUNCTION count_attempt()')


def drop_sums(is_sqlite):
    triggers = [('segment', f'segment_sum_{verb}') for verb in ('insert', 'update', 'delete')]
    triggers += [('attempt', f'attempt_count_{verb}') for verb in ('insert', 'update')]
    for table, name in triggers:
        op.execute(f'DROP TRIGGER {name}' + ('' if is_sqlite else f' ON {table}'))
    if not is_sqlite:
        for name in ('sum_segment_insert', 'sum_segment_update', 'sum_segment_delete', 'count_attempt'):
            op.execute(f'DROP FUNCTION {name}')
    op.drop_index('ix_attempt_living', 'attempt')
    op.drop_table('attempt_count')
    op.drop_table('kept_footage')


def downgrade():
    drop_sums(op.get_bind().dialect.name == 'sqlite')
    make_doomed_anew(has_storage_in_key=False)
    op.drop_index('ix_segment_fault', 'segment')
    op.drop_index('ix_segment_verified_us_start_us', 'segment')
    op.drop_index('ix_segment_storage_id_start_us', 'segment')
    for column in ('fault', 'verified_us', 'chain'):
        op.execute(f'ALTER TABLE segment DROP COLUMN {column}')
    op.drop_index('ix_run_capture_id', 'run')
    for column in ('true_shift_us', 'clock', 'capture_id'):
        op.execute(f'ALTER TABLE run DROP COLUMN {column}')
    for column in STORAGE_COLUMNS:
        op.execute(f'ALTER TABLE storage DROP COLUMN {column}')
    for table in ('retention_mark', 'webhook_mark', 'notice', 'clock_step', 'loss_due', 'loss_mark', 'loss', 'audit', 'pin', 'retention_rule'):
        op.drop_table(table)
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('DROP FUNCTION refuse_audit_change')
