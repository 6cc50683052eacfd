import { expect, test } from 'vitest';
import { stageOf } from './stages';

test('a file that waits for its analyser says whether one has come', () => {
  expect(stageOf('ready', undefined)).toBe('ready');
  expect(stageOf('ready', 'downloaded')).toBe('fetched');
  expect(stageOf('ready', 'ran_out')).toBe('unfetched');
  expect(stageOf('ready', 'restarted')).toBe('ready');
});

test('the result is there, however the rotation ended', () => {
  expect(stageOf('db_ready', 'downloaded')).toBe('db_ready');
  expect(stageOf('error', 'deleted')).toBe('error');
});
