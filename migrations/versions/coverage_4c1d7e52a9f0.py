"""coverage

Revision ID: 4c1d7e52a9f0
Revises: bf5615f32aba
"""
from alembic import op
import sqlalchemy as sa


revision = '4c1d7e52a9f0'
down_revision = 'bf5615f32aba'
branch_labels = None
depends_on = None


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


def downgrade():
    op.drop_table('coverage')
