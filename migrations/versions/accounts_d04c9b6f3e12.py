"""accounts with passwords, rights, tokens, share links; seals of what was done

Revision ID: d04c9b6f3e12
Revises: e51b90d7a246

"""
import secrets
import time
import unicodedata
import uuid

from alembic import op
import sqlalchemy as sa


revision = 'd04c9b6f3e12'
down_revision = 'e51b90d7a246'
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table('account', schema=None) as batch_op:
        batch_op.add_column(sa.Column('password', sa.String(length=255), nullable=True, comment='hash; null: cannot sign in with a password'))
        batch_op.add_column(sa.Column('is_once', sa.Boolean(), nullable=False, server_default=sa.false(), comment='the password must be changed at the first sign-in'))
        batch_op.add_column(sa.Column('active', sa.Boolean(), nullable=False, server_default=sa.true()))
        batch_op.add_column(sa.Column('fs_uniquifier', sa.String(length=64), nullable=True, comment='what sessions name; a new one ends them all'))
        batch_op.add_column(sa.Column('tf_primary_method', sa.String(length=64), nullable=True, comment='authenticator, or none'))
        batch_op.add_column(sa.Column('tf_totp_secret', sa.Text(), nullable=True, comment='encrypted'))
        batch_op.add_column(sa.Column('tf_last_step', sa.BigInteger(), nullable=True, comment='of the last code used, half minutes'))
        batch_op.add_column(sa.Column('name_key', sa.String(length=255), nullable=True, comment='the same for all spellings of the name'))
        batch_op.add_column(sa.Column('sees_all', sa.Boolean(), nullable=False, server_default=sa.true(), comment='all cameras; else those of its rights'))
        batch_op.add_column(sa.Column('last_sign_in_us', sa.BigInteger(), nullable=True, comment='instant, us since the epoch'))
    make_tables()
    op.create_index('ix_record_tag_id_source_id', 'record', ['tag_id', 'source_id'])
    make_sign_in_tables()
    keep_names(op.get_bind())
    keep_tokens(op.get_bind())
    with op.batch_alter_table('account', schema=None) as batch_op:
        batch_op.alter_column('is_once', server_default=None)
        batch_op.alter_column('active', server_default=None)
        batch_op.alter_column('sees_all', server_default=None)
        batch_op.alter_column('fs_uniquifier', existing_type=sa.String(length=64), nullable=False)
        batch_op.create_unique_constraint(batch_op.f('uq_account_fs_uniquifier'), ['fs_uniquifier'])
        batch_op.alter_column('name_key', existing_type=sa.String(length=255), nullable=False)
        batch_op.create_unique_constraint(batch_op.f('uq_account_name_key'), ['name_key'])
        batch_op.drop_constraint(batch_op.f('uq_account_token_sha256'), type_='unique')
        batch_op.drop_column('token_sha256')
    keep_seals(op.get_bind())


def make_tables():
    op.create_table('account_right',
    sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('account_id', sa.String(length=36), nullable=False),
    sa.Column('source_id', sa.Integer(), nullable=True),
    sa.Column('group_id', sa.String(length=36), nullable=True),
    sa.CheckConstraint('(source_id IS NULL) <> (group_id IS NULL)', name=op.f('ck_account_right_one')),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_account_right_account_id_account'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['group_id'], ['group.id'], name=op.f('fk_account_right_group_id_group'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_account_right_source_id_source')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_account_right')),
    sa.UniqueConstraint('account_id', 'group_id', name=op.f('uq_account_right_account_id_group_id')),
    sa.UniqueConstraint('account_id', 'source_id', name=op.f('uq_account_right_account_id_source_id'))
    )
    with op.batch_alter_table('account_right', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_account_right_group_id'), ['group_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_account_right_source_id'), ['source_id'], unique=False)
    op.create_table('api_token',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('account_id', sa.String(length=36), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('role', sa.String(length=16), nullable=False),
    sa.Column('token_sha256', sa.String(length=64), nullable=False, comment='hex, of the bearer token'),
    sa.Column('endpoints', sa.Text(), nullable=True, comment='JSON list of areas; null: all'),
    sa.Column('source_ids', sa.Text(), nullable=True, comment="JSON list; null: all of the account's"),
    sa.Column('begin_us', sa.BigInteger(), nullable=True, comment='begin of the footage that it may see'),
    sa.Column('end_us', sa.BigInteger(), nullable=True, comment='end of it'),
    sa.Column('created_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('created_by', sa.String(length=255), nullable=False),
    sa.Column('parent_id', sa.String(length=36), nullable=True, comment='the token that it was made with'),
    sa.Column('expires_us', sa.BigInteger(), nullable=True, comment='instant it is no longer taken'),
    sa.Column('revoked_us', sa.BigInteger(), nullable=True, comment='instant, us since the epoch'),
    sa.Column('revoked_by', sa.String(length=255), nullable=True),
    sa.Column('last_used_us', sa.BigInteger(), nullable=True, comment='instant, to a minute'),
    sa.CheckConstraint("role IN ('viewer', 'operator', 'admin', 'analyser')", name=op.f('ck_api_token_role')),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_api_token_account_id_account'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['parent_id'], ['api_token.id'], name=op.f('fk_api_token_parent_id_api_token'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_token')),
    sa.UniqueConstraint('account_id', 'name', name=op.f('uq_api_token_account_id_name')),
    sa.UniqueConstraint('token_sha256', name=op.f('uq_api_token_token_sha256'))
    )
    with op.batch_alter_table('api_token', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_api_token_parent_id'), ['parent_id'], unique=False)

    op.create_table('share_link',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('key_sha256', sa.String(length=64), nullable=False, comment='hex, of the key in the address'),
    sa.Column('account_id', sa.String(length=36), nullable=True, comment='who made it; null where nobody signs in'),
    sa.Column('token_id', sa.String(length=36), nullable=True, comment='the token that it was made with'),
    sa.Column('source_id', sa.Integer(), nullable=False),
    sa.Column('begin_us', sa.BigInteger(), nullable=False, comment='begin of the span'),
    sa.Column('end_us', sa.BigInteger(), nullable=False, comment='end of the span'),
    sa.Column('may_download', sa.Boolean(), nullable=False),
    sa.Column('description', sa.String(length=4096), nullable=True),
    sa.Column('password', sa.String(length=255), nullable=True, comment='hash; null: none is asked for'),
    sa.Column('created_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('created_by', sa.String(length=255), nullable=False),
    sa.Column('expires_us', sa.BigInteger(), nullable=False, comment='instant it ends'),
    sa.Column('max_uses', sa.Integer(), nullable=True, comment='openings; null: no limit'),
    sa.Column('uses', sa.Integer(), nullable=False),
    sa.Column('revoked_us', sa.BigInteger(), nullable=True, comment='instant, us since the epoch'),
    sa.Column('revoked_by', sa.String(length=255), nullable=True),
    sa.Column('last_used_us', sa.BigInteger(), nullable=True, comment='instant of the last opening'),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_share_link_account_id_account'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['token_id'], ['api_token.id'], name=op.f('fk_share_link_token_id_api_token'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_share_link_source_id_source')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_share_link')),
    sa.UniqueConstraint('key_sha256', name=op.f('uq_share_link_key_sha256'))
    )
    with op.batch_alter_table('share_link', schema=None) as batch_op:
        batch_op.create_index('ix_share_link_account_id', ['account_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_share_link_source_id'), ['source_id'], unique=False)
    op.create_table('audit_seal',
    sa.Column('position', sa.BigInteger(), autoincrement=False, nullable=False, comment='1, 2, 3, no hole'),
    sa.Column('kind', sa.String(length=16), nullable=False, comment='the table of the row'),
    sa.Column('row_id', sa.String(length=36), nullable=False, comment='the id of the row, as text'),
    sa.Column('sha256', sa.String(length=64), nullable=False, comment='hex, of the seal before and the row'),
    sa.Column('sealed_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.CheckConstraint("kind IN ('audit', 'deletion')", name=op.f('ck_audit_seal_kind')),
    sa.PrimaryKeyConstraint('position', name=op.f('pk_audit_seal')),
    sa.UniqueConstraint('kind', 'row_id', name=op.f('uq_audit_seal_kind_row_id'))
    )
    op.create_table('viewing',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('updated_us', sa.BigInteger(), nullable=False, comment='instant of the last change of this row'),
    sa.Column('actor', sa.String(length=255), nullable=False, comment='who looks, as in audit'),
    sa.Column('action', sa.String(length=64), nullable=False, comment='as in audit'),
    sa.Column('subject', sa.String(length=255), nullable=False, comment='as in audit'),
    sa.Column('source_id', sa.Integer(), nullable=True),
    sa.Column('detail', sa.Text(), nullable=False, comment='JSON object, as in audit'),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_viewing_source_id_source')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_viewing'))
    )


def make_sign_in_tables():
    op.create_table('account_session',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('account_id', sa.String(length=36), nullable=False),
    sa.Column('begun_us', sa.BigInteger(), nullable=False, comment='instant of signing in, us since the epoch'),
    sa.Column('expires_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.Column('address', sa.String(length=64), nullable=False, comment='network address it was begun from'),
    sa.Column('agent', sa.String(length=200), nullable=False, comment='what the browser said it is'),
    sa.CheckConstraint('expires_us > begun_us', name=op.f('ck_account_session_span')),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_account_session_account_id_account'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_account_session'))
    )
    with op.batch_alter_table('account_session', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_account_session_account_id'), ['account_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_account_session_expires_us'), ['expires_us'], unique=False)
    op.create_table('recovery_code',
    sa.Column('account_id', sa.String(length=36), nullable=False),
    sa.Column('code_sha256', sa.String(length=64), nullable=False, comment='hex'),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_recovery_code_account_id_account'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('account_id', 'code_sha256', name=op.f('pk_recovery_code'))
    )
    op.create_table('sign_in_failure',
    sa.Column('key', sa.String(length=64), nullable=False, comment='hex, keyed hash of name and place'),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('last_us', sa.BigInteger(), nullable=False, comment='instant, us since the epoch'),
    sa.CheckConstraint('failures > 0', name=op.f('ck_sign_in_failure_failures')),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_sign_in_failure'))
    )
    with op.batch_alter_table('sign_in_failure', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sign_in_failure_last_us'), ['last_us'], unique=False)


def keep_names(connection):
    """Give each account the key of its name; where two names were spellings of one, the later also has its id in it."""
    seen = set()
    for account_id, name in connection.execute(sa.text('SELECT id, name FROM account ORDER BY created_us, id')).all():
        key = unicodedata.normalize('NFKC', unicodedata.normalize('NFKC', name).casefold())[:255]
        key = key if key not in seen else f'{key[:200]} {account_id}'
        seen.add(key)
        connection.execute(
            sa.text('UPDATE account SET name_key = :key WHERE id = :id'), {'key': key, 'id': account_id}
        )


def keep_tokens(connection):
    """Let each account's token go on as a token of its own, so that no program is locked out."""
    now_us = time.time_ns() // 1000
    rows = connection.execute(sa.text('SELECT id, role, token_sha256 FROM account')).all()
    for account_id, role, digest in rows:
        connection.execute(
            sa.text('UPDATE account SET fs_uniquifier = :word WHERE id = :id'), {'word': str(uuid.uuid4()), 'id': account_id}
        )
        connection.execute(
            sa.text(
                'INSERT INTO api_token (id, account_id, name, role, token_sha256, created_us, created_by) '
                "VALUES (:id, :account_id, 'first token', :role, :digest, :now_us, 'migration')"
            ),
            {'id': str(uuid.uuid4()), 'account_id': account_id, 'role': role, 'digest': digest, 'now_us': now_us},
        )


def keep_digests(connection):
    """Give each account the hash of a token that is as much as the account is: what is less would get all of it."""
    whole = sa.text(
        'SELECT t.token_sha256 FROM api_token t JOIN account a ON a.id = t.account_id WHERE a.id = :id AND a.active AND a.sees_all '
        'AND t.role = a.role AND t.endpoints IS NULL AND t.source_ids IS NULL AND t.begin_us IS NULL AND t.end_us IS NULL '
        'AND t.revoked_us IS NULL AND (t.expires_us IS NULL OR t.expires_us > :now_us) ORDER BY t.created_us, t.id LIMIT 1'
    )
    now_us = time.time_ns() // 1000
    for (account_id,) in connection.execute(sa.text('SELECT id FROM account')).all():
        kept = connection.execute(whole, {'id': account_id, 'now_us': now_us}).scalar()
        connection.execute(
            sa.text('UPDATE account SET token_sha256 = :digest WHERE id = :id'),
            {'digest': kept or secrets.token_hex(32), 'id': account_id},  # of no token that anybody has
        )


REFUSAL = 'rows of audit_seal are never changed or removed'


def keep_seals(connection):
    """Let the chain only grow, whoever writes to it."""
    if connection.dialect.name == 'sqlite':
        for verb in ('UPDATE', 'DELETE'):
            op.execute(
                f'CREATE TRIGGER audit_seal_keep_{verb.lower()} BEFORE {verb} ON audit_seal '
                f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            )
        # REPLACE removes a row without the trigger of DELETE.
        op.execute(
            'CREATE TRIGGER audit_seal_keep_insert BEFORE INSERT ON audit_seal '
            'WHEN EXISTS (SELECT 1 FROM audit_seal WHERE position = NEW.position OR (kind = NEW.kind AND row_id = NEW.row_id)) '
            f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        )
        return
    op.execute(
        'CREATE FUNCTION refuse_audit_seal_change() RETURNS trigger LANGUAGE plpgsql AS '
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    )
    op.execute(
        'CREATE TRIGGER audit_seal_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seal '
        'FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_seal_change()'
    )


def downgrade():
    connection = op.get_bind()
    op.drop_index('ix_record_tag_id_source_id', 'record')
    op.drop_table('viewing')
    op.drop_table('audit_seal')
    if connection.dialect.name == 'postgresql':
        op.execute('DROP FUNCTION refuse_audit_seal_change()')
    with op.batch_alter_table('account', schema=None) as batch_op:
        batch_op.add_column(sa.Column('token_sha256', sa.String(length=64), nullable=True, comment='hex, of the bearer token'))
    keep_digests(connection)
    op.drop_table('sign_in_failure')
    op.drop_table('recovery_code')
    op.drop_table('account_session')
    op.drop_table('share_link')
    op.drop_table('api_token')
    op.drop_table('account_right')
    with op.batch_alter_table('account', schema=None) as batch_op:
        batch_op.alter_column('token_sha256', existing_type=sa.String(length=64), nullable=False)
        batch_op.create_unique_constraint(batch_op.f('uq_account_token_sha256'), ['token_sha256'])
        batch_op.drop_constraint(batch_op.f('uq_account_fs_uniquifier'), type_='unique')
        batch_op.drop_constraint(batch_op.f('uq_account_name_key'), type_='unique')
        for name in ('password', 'is_once', 'active', 'fs_uniquifier', 'tf_primary_method', 'tf_totp_secret', 'tf_last_step', 'name_key', 'sees_all', 'last_sign_in_us'):
            batch_op.drop_column(name)
