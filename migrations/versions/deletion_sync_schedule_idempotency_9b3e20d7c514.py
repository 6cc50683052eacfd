"""deletions, copying, schedules, repeated requests; what was measured of a source; hashes and lists of records

Revision ID: 9b3e20d7c514
Revises: 4c1d7e52a9f0
"""
from alembic import op
import sqlalchemy as sa


revision = '9b3e20d7c514'
down_revision = '4c1d7e52a9f0'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('idempotent_answer',
    sa.Column('account', sa.String(length=36), nullable=False, comment='id of the account; empty for none'),
    sa.Column('key', sa.String(length=255), nullable=False, comment='as the caller chose it'),
    sa.Column('created_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('request_sha256', sa.String(length=64), nullable=False, comment='hex, of method, path, query and body'),
    sa.Column('status', sa.Integer(), nullable=True, comment='HTTP status of the answer'),
    sa.Column('content_type', sa.String(length=255), nullable=True),
    sa.Column('body', sa.LargeBinary(), nullable=True),
    sa.PrimaryKeyConstraint('account', 'key', name=op.f('pk_idempotent_answer'))
    )
    with op.batch_alter_table('idempotent_answer', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idempotent_answer_created_us'), ['created_us'], unique=False)

    op.create_table('doomed',
    sa.Column('segment_id', sa.String(length=36), nullable=False),
    sa.Column('source_id', sa.Integer(), nullable=False),
    sa.Column('start_us', sa.BigInteger(), nullable=False, comment='start of the segment: leads to its path'),
    sa.Column('storage_id', sa.String(length=36), nullable=False),
    sa.Column('since_us', sa.BigInteger(), nullable=False, comment='instant the row was removed'),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_doomed_source_id_source')),
    sa.ForeignKeyConstraint(['storage_id'], ['storage.id'], name=op.f('fk_doomed_storage_id_storage')),
    sa.PrimaryKeyConstraint('segment_id', name=op.f('pk_doomed'))
    )
    with op.batch_alter_table('doomed', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_doomed_since_us'), ['since_us'], unique=False)

    op.create_table('received_copy',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('created_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('record_id', sa.String(length=36), nullable=False, comment='id of the record at its own server'),
    sa.Column('tag_name', sa.String(length=255), nullable=False),
    sa.Column('description', sa.Text(), nullable=True, comment='JSON: what the sender says of record and source'),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('received_bytes', sa.BigInteger(), nullable=False, comment='durable in the partial file'),
    sa.Column('md5', sa.String(length=32), nullable=False, comment='hex, as the sender announced it'),
    sa.Column('completed_us', sa.BigInteger(), nullable=True, comment='instant it was whole and its hash right'),
    sa.Column('storage_id', sa.String(length=36), nullable=False),
    sa.ForeignKeyConstraint(['storage_id'], ['storage.id'], name=op.f('fk_received_copy_storage_id_storage')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_received_copy')),
    sa.UniqueConstraint('record_id', name=op.f('uq_received_copy_record_id'))
    )
    op.create_table('schedule',
    sa.Column('group_id', sa.String(length=36), nullable=False),
    sa.Column('created_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('tag_name', sa.String(length=255), nullable=False, comment='the tag to record under'),
    sa.Column('time_zone', sa.String(length=64), nullable=False, comment='IANA name, as Europe/Berlin'),
    sa.Column('windows', sa.Text(), nullable=False, comment='JSON: [[day 0 to 6 from Monday, begin minute, end minute]]'),
    sa.Column('is_enabled', sa.Boolean(), nullable=False),
    sa.Column('begun_us', sa.BigInteger(), nullable=True, comment='instant it started its tag; null while it rests'),
    sa.ForeignKeyConstraint(['group_id'], ['group.id'], name=op.f('fk_schedule_group_id_group'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('group_id', name=op.f('pk_schedule'))
    )
    op.create_table('sync_job',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('created_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('ended_us', sa.BigInteger(), nullable=True, comment='instant its last item ended'),
    sa.Column('actor', sa.String(length=255), nullable=False, comment='account that asked'),
    sa.Column('tag_id', sa.String(length=36), nullable=False),
    sa.Column('location', sa.Text(), nullable=False, comment='as given; credentials are in the settings, never here'),
    sa.Column('root', sa.Text(), nullable=False, comment='the allowed target that it lies below, without credentials'),
    sa.Column('path', sa.Text(), nullable=False, comment='below root, normalised; empty for root itself'),
    sa.ForeignKeyConstraint(['tag_id'], ['tag.id'], name=op.f('fk_sync_job_tag_id_tag')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sync_job'))
    )
    with op.batch_alter_table('sync_job', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sync_job_created_us'), ['created_us'], unique=False)

    op.create_table('deletion',
    sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('at_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('actor', sa.String(length=255), nullable=False, comment='account that asked, or the part of the service'),
    sa.Column('rule', sa.String(length=64), nullable=False, comment='request, or the rule of retention'),
    sa.Column('reason', sa.Text(), nullable=True, comment='in words, as given'),
    sa.Column('source_id', sa.Integer(), nullable=False),
    sa.Column('record_id', sa.String(length=36), nullable=True, comment='the record whose file was deleted'),
    sa.Column('begin_us', sa.BigInteger(), nullable=False, comment='begin of what was asked for'),
    sa.Column('end_us', sa.BigInteger(), nullable=False, comment='end of what was asked for'),
    sa.Column('segments', sa.Integer(), nullable=False, comment='how many were deleted'),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False, comment='of the media files deleted'),
    sa.Column('spans', sa.Text(), nullable=False, comment='JSON: [[begin_us, end_us], ...] of the footage deleted, joined'),
    sa.CheckConstraint('end_us >= begin_us', name=op.f('ck_deletion_span')),
    sa.ForeignKeyConstraint(['record_id'], ['record.id'], name=op.f('fk_deletion_record_id_record')),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_deletion_source_id_source')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deletion')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('deletion', schema=None) as batch_op:
        batch_op.create_index('ix_deletion_source_id_begin_us', ['source_id', 'begin_us'], unique=False)

    op.create_table('sync_item',
    sa.Column('job_id', sa.String(length=36), nullable=False),
    sa.Column('record_id', sa.String(length=36), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False, comment='a word of STATES'),
    sa.Column('due_us', sa.BigInteger(), nullable=False, comment='instant of the next try'),
    sa.Column('held_by', sa.String(length=36), nullable=True, comment="the worker's try that copies it now"),
    sa.Column('held_until_us', sa.BigInteger(), nullable=False, comment='after this another may take it'),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=True, comment="of the recording's file; null until known"),
    sa.Column('copied_bytes', sa.BigInteger(), nullable=False, comment='safe at the target'),
    sa.Column('md5', sa.String(length=32), nullable=True, comment='hex, read back at the target'),
    sa.Column('target', sa.Text(), nullable=True, comment='the final name, as `sync_location` says it'),
    sa.Column('error', sa.Text(), nullable=True, comment='one line, without secrets'),
    sa.Column('ended_us', sa.BigInteger(), nullable=True, comment='instant it was done or given up'),
    sa.CheckConstraint("state IN ('waiting', 'running', 'done', 'failed')", name=op.f('ck_sync_item_state')),
    sa.ForeignKeyConstraint(['job_id'], ['sync_job.id'], name=op.f('fk_sync_item_job_id_sync_job')),
    sa.ForeignKeyConstraint(['record_id'], ['record.id'], name=op.f('fk_sync_item_record_id_record')),
    sa.PrimaryKeyConstraint('job_id', 'record_id', name=op.f('pk_sync_item'))
    )
    with op.batch_alter_table('sync_item', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sync_item_record_id'), ['record_id'], unique=False)
        batch_op.create_index('ix_sync_item_state_due_us', ['state', 'due_us'], unique=False)

    with op.batch_alter_table('record', schema=None) as batch_op:
        batch_op.add_column(sa.Column('hash_version', sa.Integer(), nullable=True, comment='version of the format that was hashed; -1 while it is'))
        batch_op.add_column(sa.Column('hash_due_us', sa.BigInteger(), nullable=True, server_default='0', comment='instant of the next try to hash it; null where there is nothing to do'))
        batch_op.add_column(sa.Column('cut_us', sa.BigInteger(), nullable=True, comment='instant a part of its footage was deleted'))
        batch_op.add_column(sa.Column('is_listed', sa.Boolean(), nullable=False, server_default=sa.false(), comment='what is at `location` is final: its whole playlist, or nothing once it is deleted'))
        batch_op.add_column(sa.Column('scheduled_by', sa.String(length=36), nullable=True, comment='group whose schedule started it, and stops it; null where somebody did'))
        batch_op.create_index('ix_record_hash_version', ['hash_version'], unique=False)
        batch_op.create_index('ix_record_hash_due', ['hash_due_us'], unique=False, sqlite_where=sa.text('hash_due_us IS NOT NULL'), postgresql_where=sa.text('hash_due_us IS NOT NULL'))
        batch_op.create_index('ix_record_unlisted', ['begin_us'], unique=False, sqlite_where=sa.text('is_listed = 0'), postgresql_where=sa.text('NOT is_listed'))

    with op.batch_alter_table('source', schema=None) as batch_op:
        batch_op.add_column(sa.Column('probe_asked_us', sa.BigInteger(), nullable=True, comment='instant a measurement was last asked for'))
        batch_op.add_column(sa.Column('video_codec', sa.String(length=64), nullable=True, comment='as measured last, in words of RFC 6381'))
        batch_op.add_column(sa.Column('width', sa.Integer(), nullable=True, comment='pixels, as measured last'))
        batch_op.add_column(sa.Column('height', sa.Integer(), nullable=True, comment='pixels, as measured last'))
        batch_op.add_column(sa.Column('frame_rate', sa.Double(), nullable=True, comment='frames a second, as measured last'))
        batch_op.add_column(sa.Column('audio_codec', sa.String(length=64), nullable=True, comment='as the camera sends it; null for no sound'))
        batch_op.add_column(sa.Column('audio_rate_hz', sa.Integer(), nullable=True, comment='samples a second'))
        batch_op.add_column(sa.Column('audio_channels', sa.Integer(), nullable=True))

    keep_deletions(op.get_bind())


REFUSAL = 'rows of deletion are never changed or removed'


def keep_deletions(connection):
    """Let the table of deletions only grow, whoever writes to it."""
    if connection.dialect.name == 'sqlite':
        for verb in ('UPDATE', 'DELETE'):
            op.execute(
                f'CREATE TRIGGER deletion_keep_{verb.lower()} BEFORE {verb} ON deletion '
                f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            )
        return
    op.execute(
        'CREATE FUNCTION refuse_deletion_change() RETURNS trigger LANGUAGE plpgsql AS '
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    )
    op.execute(
        'CREATE TRIGGER deletion_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON deletion '
        'FOR EACH STATEMENT EXECUTE FUNCTION refuse_deletion_change()'
    )


def downgrade():
    # Not by batch: that would make the table anew, which its foreign keys forbid.
    for column in ('audio_channels', 'audio_rate_hz', 'audio_codec', 'frame_rate', 'height', 'width', 'video_codec',
                   'probe_asked_us'):
        op.execute(f'ALTER TABLE source DROP COLUMN {column}')
    op.drop_index('ix_record_unlisted', 'record')
    op.drop_index('ix_record_hash_due', 'record')
    op.drop_index('ix_record_hash_version', 'record')
    for column in ('scheduled_by', 'is_listed', 'cut_us', 'hash_due_us', 'hash_version'):
        op.execute(f'ALTER TABLE record DROP COLUMN {column}')

    with op.batch_alter_table('sync_item', schema=None) as batch_op:
        batch_op.drop_index('ix_sync_item_state_due_us')
        batch_op.drop_index(batch_op.f('ix_sync_item_record_id'))

    op.drop_table('sync_item')
    with op.batch_alter_table('deletion', schema=None) as batch_op:
        batch_op.drop_index('ix_deletion_source_id_begin_us')

    op.drop_table('deletion')
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('DROP FUNCTION refuse_deletion_change')
    with op.batch_alter_table('sync_job', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_sync_job_created_us'))

    op.drop_table('sync_job')
    op.drop_table('schedule')
    op.drop_table('received_copy')
    with op.batch_alter_table('doomed', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_doomed_since_us'))

    op.drop_table('doomed')
    with op.batch_alter_table('idempotent_answer', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idempotent_answer_created_us'))

    op.drop_table('idempotent_answer')
