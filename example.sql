-- Example data: two cameras, two groups, three tags, and the history of an evening. It loads into a migrated and
-- otherwise empty database of either kind:
--   sqlite3 instance/app.db < example.sql
--   psql -v ON_ERROR_STOP=1 -1 -f example.sql postgresql://…
-- Instants are microseconds since the epoch; 1795208400000000 is 2026-11-20T21:00:00Z.
-- A camera's address is stored encrypted under the key of the instance, so that no SQL can hold one: give it with
--   curl -X PUT localhost:8000/api/v1/source/1 -H 'Content-Type: application/json' -d '{"uri_rtsp": "rtsp://…"}'

INSERT INTO source (model, created_us, description, status, status_detail, status_us) VALUES
  ('Source', 1795204800000000, 'Example: entrance, above the door', 'online', NULL, 1795222800000000),
  ('Source', 1795204860000000, 'Example: yard, from the north wall', 'offline',
   'the camera does not answer: check its power and network', 1795222800000000),
  ('PictureSource', 1795204920000000, 'Example: weather, one picture a second', 'unknown', NULL, NULL);

INSERT INTO "group" (id, created_us, name, model) VALUES
  ('5f0e6a52-8f0e-4d1c-9a55-0d1f6f3f0001', 1795204980000000, 'example outdoors', 'Source'),
  ('5f0e6a52-8f0e-4d1c-9a55-0d1f6f3f0002', 1795204980000000, 'example pictures', 'PictureSource');

INSERT INTO group_source (group_id, source_id)
  SELECT '5f0e6a52-8f0e-4d1c-9a55-0d1f6f3f0001', id FROM source WHERE model = 'Source' AND description LIKE 'Example: %';
INSERT INTO group_source (group_id, source_id)
  SELECT '5f0e6a52-8f0e-4d1c-9a55-0d1f6f3f0002', id FROM source
  WHERE model = 'PictureSource' AND description LIKE 'Example: %';

INSERT INTO tag (id, created_us, name) VALUES
  ('5f0e6a52-8f0e-4d1c-9a55-0d1f6f3f0011', 1795208400000000, 'example night'),
  ('5f0e6a52-8f0e-4d1c-9a55-0d1f6f3f0012', 1795212000000000, 'example delivery'),
  ('5f0e6a52-8f0e-4d1c-9a55-0d1f6f3f0013', 1795215600000000, 'example weather');

-- The whole group from 21:00 to 23:00; the entrance also from 22:00 to 22:30 under a second tag.
INSERT INTO record (id, created_us, source_id, tag_id, begin_us, end_us)
  SELECT '5f0e6a52-8f0e-4d1c-9a55-0d1f6f3f0021', 1795208400000000, id, '5f0e6a52-8f0e-4d1c-9a55-0d1f6f3f0011',
         1795208400000000, 1795215600000000 FROM source WHERE description LIKE 'Example: entrance%';
INSERT INTO record (id, created_us, source_id, tag_id, begin_us, end_us)
  SELECT '5f0e6a52-8f0e-4d1c-9a55-0d1f6f3f0022', 1795208400000000, id, '5f0e6a52-8f0e-4d1c-9a55-0d1f6f3f0011',
         1795208400000000, 1795215600000000 FROM source WHERE description LIKE 'Example: yard%';
INSERT INTO record (id, created_us, source_id, tag_id, begin_us, end_us)
  SELECT '5f0e6a52-8f0e-4d1c-9a55-0d1f6f3f0023', 1795212000000000, id, '5f0e6a52-8f0e-4d1c-9a55-0d1f6f3f0012',
         1795212000000000, 1795213800000000 FROM source WHERE description LIKE 'Example: entrance%';

INSERT INTO wanted (source_id, begin_us, end_us)
  SELECT id, 1795208400000000, 1795215600000000 FROM source WHERE model = 'Source' AND description LIKE 'Example: %';

-- Why there is no footage: the camera at the yard never answered, the recorder of the entrance was not running.
INSERT INTO attempt (source_id, recorder_id, begin_us, end_us, reason, detail)
  SELECT id, '5f0e6a52-8f0e-4d1c-9a55-0d1f6f3f0031', 1795208400500000, 1795208402500000, 'camera_unreachable',
         'connection refused' FROM source WHERE description LIKE 'Example: yard%';
INSERT INTO attempt (source_id, recorder_id, begin_us, end_us, reason, detail)
  SELECT id, '5f0e6a52-8f0e-4d1c-9a55-0d1f6f3f0031', 1795208400500000, 1795208460500000, 'recorder_stopped',
         'the recorder was stopped' FROM source WHERE description LIKE 'Example: entrance%';

INSERT INTO example (id, created_us, text) VALUES
  ('5f0e6a52-8f0e-4d1c-9a55-0d1f6f3f0041', 1795208400000000, 'A note: the lens of the entrance camera is dirty.');
