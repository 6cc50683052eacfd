"""files, download keys, events, results, comments, violations

Revision ID: e51b90d7a246
Revises: c7a41f2be890

"""
from alembic import op
import sqlalchemy as sa


revision = 'e51b90d7a246'
down_revision = 'c7a41f2be890'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('analyser_mark',
    sa.Column('target', sa.String(length=64), nullable=False, comment='hex SHA-256 of its address'),
    sa.Column('last_id', sa.BigInteger(), nullable=False, comment='the last event that it has taken'),
    sa.Column('next_us', sa.BigInteger(), nullable=False, comment='instant of the next try'),
    sa.Column('tries', sa.Integer(), nullable=False, comment='that failed since the last success'),
    sa.Column('error', sa.Text(), nullable=True, comment='one line, without secrets'),
    sa.PrimaryKeyConstraint('target', name=op.f('pk_analyser_mark'))
    )
    op.create_table('basis_violation',
    sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('code', sa.String(length=64), nullable=False, comment='stable: what it is known by in the list'),
    sa.Column('violations', sa.String(length=255), nullable=False, comment='its name'),
    sa.Column('context', sa.Text(), nullable=False, comment='in which it counts'),
    sa.Column('age', sa.String(length=64), nullable=False, comment='one or several ratings, as 12+ / 16+'),
    sa.Column('mark', sa.String(length=255), nullable=False, comment='a duty to label instead of an age'),
    sa.Column('loaded_sha256', sa.String(length=64), nullable=True, comment='of the row as last loaded; null: by hand'),
    sa.Column('is_edited', sa.Boolean(), nullable=False, comment='changed since in the administration pages'),
    sa.Column('removed_us', sa.BigInteger(), nullable=True, comment='instant it was taken out; null: in the list'),
    sa.Column('created_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('changed_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_basis_violation')),
    sa.UniqueConstraint('code', name=op.f('uq_basis_violation_code')),
    sqlite_autoincrement=True
    )
    op.create_table('loaded_list',
    sa.Column('name', sa.String(length=64), nullable=False, comment='of the list, as classification_events'),
    sa.Column('sha256', sa.String(length=64), nullable=False, comment='hex, of the file and of how it is read'),
    sa.Column('loaded_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_loaded_list'))
    )
    op.create_table('file',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('refer', sa.String(length=32), nullable=False, comment='hex; the lasting reference'),
    sa.Column('name', sa.String(length=255), nullable=False, comment='as the sender named it, cleaned; never part of a path'),
    sa.Column('kind', sa.String(length=8), nullable=False, comment='upload, or footage: a view of the archive'),
    sa.Column('how', sa.String(length=16), nullable=True, comment='multipart or tus'),
    sa.Column('status', sa.String(length=16), nullable=False, comment='a word of STATUSES'),
    sa.Column('size_bytes', sa.BigInteger(), nullable=True, comment='null until it is known'),
    sa.Column('received_bytes', sa.BigInteger(), nullable=False, comment='what is durable on the disk'),
    sa.Column('sha256', sa.String(length=64), nullable=True, comment='hex; null until it is complete'),
    sa.Column('media_type', sa.String(length=127), nullable=True, comment='found from the content'),
    sa.Column('duration_s', sa.Float(), nullable=True, comment='of footage and films; null for none known'),
    sa.Column('error', sa.Text(), nullable=True, comment='one line: what failed'),
    sa.Column('upload_metadata', sa.Text(), nullable=True, comment='tus header Upload-Metadata, as sent'),
    sa.Column('writer', sa.String(length=36), nullable=True, comment='UUID of the request that may write'),
    sa.Column('writer_us', sa.BigInteger(), nullable=True, comment='instant it began'),
    sa.Column('owner', sa.String(length=255), nullable=False, comment='account that announced it'),
    sa.Column('storage_id', sa.String(length=36), nullable=True),
    sa.Column('created_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('completed_us', sa.BigInteger(), nullable=True, comment='instant it was complete on the disk'),
    sa.Column('expires_us', sa.BigInteger(), nullable=True, comment='instant an unfinished upload is given up'),
    sa.Column('next_us', sa.BigInteger(), nullable=True, comment='instant the worker does what is left to do: type, length, removing bytes; null for nothing'),
    sa.Column('tries', sa.Integer(), nullable=False, comment='of that, which failed'),
    sa.Column('deleted_us', sa.BigInteger(), nullable=True, comment='instant its bytes were removed'),
    sa.Column('deleted_by', sa.String(length=255), nullable=True, comment='account that deleted it'),
    sa.Column('salt', sa.String(length=32), nullable=False, comment='hex; goes into its keys'),
    sa.Column('generation', sa.Integer(), nullable=False, comment='of the last key issued; -1 for none'),
    sa.Column('event_id', sa.BigInteger(), nullable=False, comment='its newest event'),
    sa.Column('downloads', sa.Integer(), nullable=False, comment='that were begun'),
    sa.Column('users', sa.Integer(), nullable=False, comment='different ones that began a download'),
    sa.Column('violations_quantity', sa.Integer(), nullable=False, comment='findings of its result'),
    sa.Column('source_id', sa.Integer(), nullable=True, comment='of footage'),
    sa.Column('record_id', sa.String(length=36), nullable=True, comment='that was asked for, if any'),
    sa.Column('begin_us', sa.BigInteger(), nullable=True, comment='of footage: instant, us since the epoch'),
    sa.Column('end_us', sa.BigInteger(), nullable=True, comment='of footage: instant, us since the epoch'),
    sa.Column('rev', sa.String(length=64), nullable=True, comment='of footage: pins an end in what was yet being written'),
    sa.Column('pin_id', sa.String(length=36), nullable=True, comment='what keeps its footage'),
    sa.CheckConstraint("kind = 'upload' OR (source_id IS NOT NULL AND begin_us IS NOT NULL AND end_us > begin_us)", name=op.f('ck_file_span')),
    sa.CheckConstraint("kind IN ('upload', 'footage')", name=op.f('ck_file_kind')),
    sa.CheckConstraint("status IN ('--------', 'processing', 'ready', 'error', 'db_ready')", name=op.f('ck_file_status')),
    sa.CheckConstraint('size_bytes IS NULL OR received_bytes <= size_bytes', name=op.f('ck_file_received')),
    sa.ForeignKeyConstraint(['pin_id'], ['pin.id'], name=op.f('fk_file_pin_id_pin')),
    sa.ForeignKeyConstraint(['record_id'], ['record.id'], name=op.f('fk_file_record_id_record')),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_file_source_id_source')),
    sa.ForeignKeyConstraint(['storage_id'], ['storage.id'], name=op.f('fk_file_storage_id_storage')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_file')),
    sa.UniqueConstraint('refer', name=op.f('uq_file_refer')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('file', schema=None) as batch_op:
        batch_op.create_index('ix_file_expires_us', ['expires_us'], unique=False)
        batch_op.create_index('ix_file_next_us', ['next_us'], unique=False)
        batch_op.create_index('ix_file_owner', ['owner'], unique=False)
        batch_op.create_index('ix_file_pin_id', ['pin_id'], unique=False)
        batch_op.create_index('ix_file_status_id', ['status', 'id'], unique=False)

    op.create_table('cinema',
    sa.Column('file_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('target_audience', sa.String(length=8), nullable=False, comment='a word of AUDIENCES'),
    sa.Column('comment', sa.Text(), nullable=False, comment='of the person who asked'),
    sa.Column('actor', sa.String(length=255), nullable=False, comment='account that asked'),
    sa.Column('created_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('changed_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.CheckConstraint("target_audience IN ('----', '0+', '6+', '12+', '16+', '18+')", name=op.f('ck_cinema_audience')),
    sa.ForeignKeyConstraint(['file_id'], ['file.id'], name=op.f('fk_cinema_file_id_file')),
    sa.PrimaryKeyConstraint('file_id', name=op.f('pk_cinema'))
    )
    op.create_table('comment',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('file_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('comment', sa.Text(), nullable=False, comment='plain text'),
    sa.Column('comment_author', sa.String(length=8), nullable=False, comment='a word of AUTHORS'),
    sa.Column('actor', sa.String(length=255), nullable=False, comment='account that wrote it'),
    sa.Column('severity', sa.String(length=8), nullable=False, comment='a word of SEVERITIES'),
    sa.Column('violation', sa.String(length=255), nullable=True, comment='as it was named'),
    sa.Column('violation_id', sa.Integer(), nullable=True),
    sa.Column('start_s', sa.Float(), nullable=True, comment='seconds of the footage'),
    sa.Column('end_s', sa.Float(), nullable=True, comment='seconds of the footage'),
    sa.Column('created_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('changed_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.CheckConstraint("comment_author IN ('AI', 'User')", name=op.f('ck_comment_author')),
    sa.CheckConstraint("severity IN ('----', 'None', 'mild', 'moderate', 'severe')", name=op.f('ck_comment_severity')),
    sa.ForeignKeyConstraint(['file_id'], ['file.id'], name=op.f('fk_comment_file_id_file')),
    sa.ForeignKeyConstraint(['violation_id'], ['basis_violation.id'], name=op.f('fk_comment_violation_id_basis_violation'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_comment')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('comment', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_comment_file_id'), ['file_id'], unique=False)

    op.create_table('file_event',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('file_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('type', sa.String(length=16), nullable=False, comment='a word of EVENT_TYPES'),
    sa.Column('payload', sa.Text(), nullable=False, comment='JSON object; of a key only its generation'),
    sa.CheckConstraint("type IN ('status', 'progress', 'download', 'result', 'comment')", name=op.f('ck_file_event_type')),
    sa.ForeignKeyConstraint(['file_id'], ['file.id'], name=op.f('fk_file_event_file_id_file')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_file_event')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('file_event', schema=None) as batch_op:
        batch_op.create_index('ix_file_event_file_id_id', ['file_id', 'id'], unique=False)
        batch_op.create_index('ix_file_event_type_id', ['type', 'id'], unique=False)

    op.create_table('finding',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('file_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False, comment='in the result, from 0'),
    sa.Column('violation', sa.String(length=255), nullable=False, comment='as the analyser named it'),
    sa.Column('violation_id', sa.Integer(), nullable=True),
    sa.Column('severity', sa.String(length=8), nullable=False, comment='a word of SEVERITIES'),
    sa.Column('start_s', sa.Float(), nullable=True, comment='seconds of the footage'),
    sa.Column('end_s', sa.Float(), nullable=True, comment='seconds of the footage'),
    sa.Column('page', sa.Integer(), nullable=True, comment='of a document, from 1'),
    sa.Column('quotation', sa.Text(), nullable=True),
    sa.Column('confidence', sa.Float(), nullable=True, comment='0 to 1'),
    sa.CheckConstraint("severity IN ('----', 'None', 'mild', 'moderate', 'severe')", name=op.f('ck_finding_severity')),
    sa.ForeignKeyConstraint(['file_id'], ['file.id'], name=op.f('fk_finding_file_id_file')),
    sa.ForeignKeyConstraint(['violation_id'], ['basis_violation.id'], name=op.f('fk_finding_violation_id_basis_violation'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_finding'))
    )
    with op.batch_alter_table('finding', schema=None) as batch_op:
        batch_op.create_index('uq_finding_position', ['file_id', 'position'], unique=True)

    op.create_table('recommendation',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('file_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_text', sa.Text(), nullable=False, comment='of people'),
    sa.Column('ai_text', sa.Text(), nullable=False, comment='of the AI'),
    sa.Column('severity', sa.String(length=8), nullable=False, comment='by most votes; ties to the graver'),
    sa.Column('violations_quantity', sa.Integer(), nullable=False, comment="findings of the file's result"),
    sa.Column('created_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('changed_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.CheckConstraint("severity IN ('----', 'None', 'mild', 'moderate', 'severe')", name=op.f('ck_recommendation_severity')),
    sa.ForeignKeyConstraint(['file_id'], ['file.id'], name=op.f('fk_recommendation_file_id_file')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recommendation')),
    sa.UniqueConstraint('file_id', name=op.f('uq_recommendation_file_id')),
    sqlite_autoincrement=True
    )
    op.create_table('result',
    sa.Column('file_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('content_sha256', sa.String(length=64), nullable=False, comment="hex, of the file or of the JSON's canonical form"),
    sa.Column('kind', sa.String(length=8), nullable=False, comment='json: findings; file: files/ID.result'),
    sa.Column('name', sa.String(length=255), nullable=True, comment='of the file, as the analyser named it'),
    sa.Column('media_type', sa.String(length=127), nullable=True, comment='of the file, found from its content'),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False, comment="of the file, or of the JSON's canonical form"),
    sa.Column('actor', sa.String(length=255), nullable=False, comment='account that posted it'),
    sa.Column('created_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.CheckConstraint("kind IN ('json', 'file')", name=op.f('ck_result_kind')),
    sa.ForeignKeyConstraint(['file_id'], ['file.id'], name=op.f('fk_result_file_id_file')),
    sa.PrimaryKeyConstraint('file_id', name=op.f('pk_result'))
    )
    op.create_table('rotation',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('file_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('started_us', sa.BigInteger(), nullable=False, comment='instant of its first key'),
    sa.Column('first_generation', sa.Integer(), nullable=False, comment='of its first key'),
    sa.Column('ended_us', sa.BigInteger(), nullable=True, comment='instant it ended; null while it goes on'),
    sa.Column('reason', sa.String(length=16), nullable=True, comment='why it ended: a word of END_REASONS'),
    sa.CheckConstraint("reason IS NULL OR reason IN ('downloaded', 'ran_out', 'revoked', 'restarted', 'deleted')", name=op.f('ck_rotation_reason')),
    sa.ForeignKeyConstraint(['file_id'], ['file.id'], name=op.f('fk_rotation_file_id_file')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rotation'))
    )
    with op.batch_alter_table('rotation', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_rotation_file_id'), ['file_id'], unique=False)
        batch_op.create_index('uq_rotation_open', ['file_id'], unique=True, sqlite_where=sa.text('ended_us IS NULL'), postgresql_where=sa.text('ended_us IS NULL'))

    op.create_table('refer_key',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('file_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('rotation_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('key_sha256', sa.String(length=64), nullable=False, comment='hex, of the key in hex'),
    sa.Column('issued_us', sa.BigInteger(), nullable=False, comment='instant from which it holds'),
    sa.Column('superseded_us', sa.BigInteger(), nullable=True, comment='instant of the next key'),
    sa.Column('first_used_us', sa.BigInteger(), nullable=True, comment='instant of its first download'),
    sa.Column('revoked_us', sa.BigInteger(), nullable=True, comment='instant it was revoked'),
    sa.ForeignKeyConstraint(['file_id'], ['file.id'], name=op.f('fk_refer_key_file_id_file')),
    sa.ForeignKeyConstraint(['rotation_id'], ['rotation.id'], name=op.f('fk_refer_key_rotation_id_rotation')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_refer_key')),
    sa.UniqueConstraint('key_sha256', name=op.f('uq_refer_key_key_sha256'))
    )
    with op.batch_alter_table('refer_key', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_refer_key_rotation_id'), ['rotation_id'], unique=False)
        batch_op.create_index('uq_refer_key_generation', ['file_id', 'generation'], unique=True)

    op.create_table('download_lease',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('file_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('key_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('holder', sa.String(length=255), nullable=False, comment="the account; without one the lease's own id"),
    sa.Column('begun_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('beat_us', sa.BigInteger(), nullable=False, comment='instant of the last progress'),
    sa.Column('sent_bytes', sa.BigInteger(), nullable=False),
    sa.Column('ended_us', sa.BigInteger(), nullable=True, comment='instant the place was given back'),
    sa.ForeignKeyConstraint(['file_id'], ['file.id'], name=op.f('fk_download_lease_file_id_file')),
    sa.ForeignKeyConstraint(['key_id'], ['refer_key.id'], name=op.f('fk_download_lease_key_id_refer_key')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_download_lease'))
    )
    with op.batch_alter_table('download_lease', schema=None) as batch_op:
        batch_op.create_index('ix_download_lease_file_id_ended_us', ['file_id', 'ended_us'], unique=False)
        batch_op.create_index(batch_op.f('ix_download_lease_key_id'), ['key_id'], unique=False)



def downgrade():
    with op.batch_alter_table('download_lease', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_download_lease_key_id'))
        batch_op.drop_index('ix_download_lease_file_id_ended_us')

    op.drop_table('download_lease')
    with op.batch_alter_table('refer_key', schema=None) as batch_op:
        batch_op.drop_index('uq_refer_key_generation')
        batch_op.drop_index(batch_op.f('ix_refer_key_rotation_id'))

    op.drop_table('refer_key')
    with op.batch_alter_table('rotation', schema=None) as batch_op:
        batch_op.drop_index('uq_rotation_open', sqlite_where=sa.text('ended_us IS NULL'), postgresql_where=sa.text('ended_us IS NULL'))
        batch_op.drop_index(batch_op.f('ix_rotation_file_id'))

    op.drop_table('rotation')
    op.drop_table('result')
    op.drop_table('recommendation')
    with op.batch_alter_table('finding', schema=None) as batch_op:
        batch_op.drop_index('uq_finding_position')

    op.drop_table('finding')
    with op.batch_alter_table('file_event', schema=None) as batch_op:
        batch_op.drop_index('ix_file_event_type_id')
        batch_op.drop_index('ix_file_event_file_id_id')

    op.drop_table('file_event')
    with op.batch_alter_table('comment', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_comment_file_id'))

    op.drop_table('comment')
    op.drop_table('cinema')
    with op.batch_alter_table('file', schema=None) as batch_op:
        batch_op.drop_index('ix_file_status_id')
        batch_op.drop_index('ix_file_pin_id')
        batch_op.drop_index('ix_file_owner')
        batch_op.drop_index('ix_file_next_us')
        batch_op.drop_index('ix_file_expires_us')

    op.drop_table('file')
    op.drop_table('loaded_list')
    op.drop_table('basis_violation')
    op.drop_table('analyser_mark')
