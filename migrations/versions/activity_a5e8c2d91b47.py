"""activity found in key frames; files of a camera by the begin of their footage

Revision ID: a5e8c2d91b47
Revises: d04c9b6f3e12

"""
from alembic import op
import sqlalchemy as sa


revision = 'a5e8c2d91b47'
down_revision = 'd04c9b6f3e12'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('activity',
    sa.Column('source_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('level', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False, comment='of the hour, day or 32 days, since the epoch'),
    sa.Column('codes', sa.LargeBinary(), nullable=False, comment='a byte a cell, deflated: 0 not looked at, 1 nothing known, 2 to 255 a score'),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_activity_source_id_source')),
    sa.PrimaryKeyConstraint('source_id', 'level', 'number', name=op.f('pk_activity'))
    )
    op.create_table('activity_day',
    sa.Column('source_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('day', sa.Integer(), autoincrement=False, nullable=False, comment='since the epoch'),
    sa.Column('revision', sa.BigInteger(), nullable=False, comment="of the day's coverage; 0: not all is done"),
    sa.Column('done', sa.LargeBinary(), nullable=False, comment='looked at: pairs of int64 (begin, end), little-endian, us, by begin'),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_activity_day_source_id_source')),
    sa.PrimaryKeyConstraint('source_id', 'day', name=op.f('pk_activity_day'))
    )
    op.create_table('activity_setting',
    sa.Column('source_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('is_enabled', sa.Boolean(), nullable=False),
    sa.Column('threshold', sa.Float(), nullable=False, comment='share of the picture from which on it counts as movement'),
    sa.Column('since_us', sa.BigInteger(), nullable=True, comment='instant from which on footage is looked at'),
    sa.Column('changed_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('actor', sa.String(length=255), nullable=False, comment='account that set it last'),
    sa.Column('looked_us', sa.BigInteger(), nullable=True, comment='instant its footage was last looked at'),
    sa.Column('decoded', sa.BigInteger(), nullable=False, comment='key frames, since it was first switched on'),
    sa.Column('decoding_us', sa.BigInteger(), nullable=False, comment='CPU time that they took'),
    sa.Column('trying_us', sa.BigInteger(), nullable=True, comment='start of the segment that is being looked at; it stays where the process died of it'),
    sa.Column('tries', sa.Integer(), nullable=False, comment='of that segment, which did not come to an end'),
    sa.CheckConstraint('threshold > 0 AND threshold <= 1', name=op.f('ck_activity_setting_threshold')),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_activity_setting_source_id_source')),
    sa.PrimaryKeyConstraint('source_id', name=op.f('pk_activity_setting'))
    )
    op.create_index('ix_file_source_id_begin_us', 'file', ['source_id', 'begin_us'])


def downgrade():
    op.drop_index('ix_file_source_id_begin_us', 'file')
    op.drop_table('activity_setting')
    op.drop_table('activity_day')
    op.drop_table('activity')
