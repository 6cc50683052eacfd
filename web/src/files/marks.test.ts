import { expect, test } from 'vitest';
import type { Comment, Finding } from '../api/files';
import type { Severity } from '../api/severity';
import { clustersOf, filtered, isAt, lastBegun, marksOf, NO_FILTER, neighbour, violationsIn } from './marks';

const finding = (start: number | null, severity: Severity = 'mild', more: Partial<Finding> = {}): Finding => ({
  violation: 'Smoking',
  severity,
  start,
  end: null,
  page: null,
  quotation: null,
  confidence: null,
  ...more,
});

const comment = (id: number, start: number | null, author: 'AI' | 'User', severity: Severity = '----'): Comment => ({
  id,
  comment: `said ${id}`,
  comment_author: author,
  severity,
  violation: null,
  start,
  end: null,
  actor: 'zoë',
  created_utc: '',
});

const keys = (marks: { key: string }[]) => marks.map((mark) => mark.key);

test('marks rise in time, then in pages; what has no place comes last', () => {
  const findings = [finding(9), finding(null, 'mild', { page: 3 }), finding(1), finding(null, 'mild', { page: 2 })];
  const marks = marksOf(findings, [comment(1, 5, 'AI'), comment(2, null, 'User')]);
  expect(keys(marks)).toEqual(['finding-2', 'comment-1', 'finding-0', 'finding-3', 'finding-1', 'comment-2']);
  expect(marks.map((mark) => mark.lane)).toEqual(['finding', 'ai', 'finding', 'finding', 'finding', 'user']);
});

test('a filter by severity, author and violation leaves what meets all of it', () => {
  const marks = marksOf([finding(1, 'severe'), finding(2)], [comment(1, 3, 'AI', 'severe'), comment(2, 4, 'User')]);
  expect(keys(filtered(marks, NO_FILTER))).toHaveLength(4);
  expect(keys(filtered(marks, { ...NO_FILTER, severities: ['severe'] }))).toEqual(['finding-0', 'comment-1']);
  expect(keys(filtered(marks, { severities: ['severe'], lanes: ['ai'], violation: '' }))).toEqual(['comment-1']);
  expect(keys(filtered(marks, { ...NO_FILTER, violation: 'Smoking' }))).toEqual(['finding-0', 'finding-1']);
  expect(violationsIn(marks)).toEqual(['Smoking']);
});

test('a mark is shown during its span, one without an end for two seconds', () => {
  const [span] = marksOf([finding(10, 'mild', { end: 20 })], []);
  const [moment] = marksOf([finding(10)], []);
  if (!span || !moment) throw new Error('no marks');
  expect([9.9, 10, 19.9, 20.1].map((timeS) => isAt(span, timeS))).toEqual([false, true, true, false]);
  expect([9.98, 11.9, 12.1].map((timeS) => isAt(moment, timeS))).toEqual([true, true, false]);
});

test('the list follows the time, and keys go from mark to mark', () => {
  const marks = marksOf([finding(10), finding(20), finding(null)], []);
  expect(lastBegun(marks, 5)).toBeNull();
  expect(lastBegun(marks, 25)?.key).toBe('finding-1');
  expect(neighbour(marks, 10, 1)?.key).toBe('finding-1');
  expect(neighbour(marks, 20.1, -1)?.key).toBe('finding-0');
  expect(neighbour(marks, 20, 1)).toBeNull();
});

test('what would lie on one another is one symbol, as grave as the gravest, in its own lane', () => {
  const many = Array.from({ length: 1000 }, (_, number) => finding(number / 10, number === 3 ? 'severe' : 'mild'));
  const clusters = clustersOf(marksOf(many, [comment(1, 0.1, 'User')]), 100, 480, 24);
  const found = clusters.filter((cluster) => cluster.lane === 'finding');
  expect(found).toHaveLength(20);
  expect(found.flatMap((cluster) => cluster.marks)).toHaveLength(1000);
  expect(found.map((cluster) => cluster.severity)).toEqual(['severe', ...Array(19).fill('mild')]);
  expect(clusters.filter((cluster) => cluster.lane === 'user')).toHaveLength(1);
  expect(clustersOf(marksOf(many, []), 0, 480, 24)).toEqual([]);
});
