-- Example data: two cameras without an address, a group of them, a tag and a note. For SQLite and PostgreSQL.
--
--   sqlite3 instance/app.db < example.sql        psql "$DATABASE" -f example.sql
--
-- Load it after `flask db upgrade`; loading it again changes nothing. Addresses are stored encrypted, so none can stand
-- here: give each camera its own with PUT /api/v1/source/{source_id}/ {"uri_rtsp": "rtsp://user:password@host/path"}.
-- Columns with `_us` hold microseconds since the epoch, in UTC.

BEGIN;

INSERT INTO source (model, created_us, description, status)
SELECT 'Source', 1795219200000000, 'Entrance (example)', 'unknown'
WHERE NOT EXISTS (SELECT 1 FROM source WHERE description = 'Entrance (example)');

INSERT INTO source (model, created_us, description, status)
SELECT 'Source', 1795219200000000, 'Car park (example)', 'unknown'
WHERE NOT EXISTS (SELECT 1 FROM source WHERE description = 'Car park (example)');

INSERT INTO "group" (id, created_us, name, model)
VALUES ('6f1d2c3b-0a4e-4b5f-8c6d-7e8f90a1b2c3', 1795219200000000, 'Outside (example)', 'Source')
ON CONFLICT DO NOTHING;

INSERT INTO group_source (group_id, source_id)
SELECT '6f1d2c3b-0a4e-4b5f-8c6d-7e8f90a1b2c3', id FROM source
WHERE description IN ('Entrance (example)', 'Car park (example)') AND deleted_us IS NULL
ON CONFLICT DO NOTHING;

INSERT INTO tag (id, created_us, name)
VALUES ('0b9a8c7d-6e5f-4a3b-9c2d-1e0f2a3b4c5d', 1795219200000000, 'Night shift (example)')
ON CONFLICT DO NOTHING;

INSERT INTO example (id, created_us, text)
VALUES ('3c2b1a09-8f7e-4d6c-a5b4-c3d2e1f00f1e', 1795219200000000, 'The lens at the entrance was cleaned.')
ON CONFLICT DO NOTHING;

COMMIT;
