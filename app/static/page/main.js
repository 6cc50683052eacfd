/** Puts the page together: who tells whom, what the clock drives, and the keys of the whole page. */

import { AddCamera } from './addcamera.js';
import { nowMs } from './api.js';
import { CameraRows } from './cameras.js';
import { Coverage } from './coverage.js';
import { find, say, setText } from './dom.js';
import { Gaps } from './gaps.js';
import { dayText, timeText, toggleZone, zoneChange, zoneName } from './instants.js';
import { Player } from './player.js';
import { Range, SPANS_MS } from './range.js';
import { Recording } from './recording.js';
import { State } from './state.js';
import { Timeline } from './timeline.js';
import { Wall } from './wall.js';

const MARK_EVERY_MS = 100;
const state = new State();
const range = new Range();
const coverage = new Coverage(range);
const gaps = new Gaps(range, state);
const timeline = new Timeline({ range, coverage, gaps, axis: find('axis'), tip: find('tip') });
const rows = new CameraRows(state, timeline);
const wall = new Wall(state);
const player = new Player(state);
const recording = new Recording(state);
new AddCamera(state);

function showSingle(sourceId) {
  if (sourceId !== null) gaps.look(sourceId);
  wall.mark(sourceId);
  rows.mark(sourceId);
}

function watchLive({ detail: { sourceId } }) {
  showSingle(sourceId);
  range.follow();
  player.live(sourceId);
}

function showAll() {
  player.stop();
  showSingle(null);
  timeline.mark(null);
}

wall.addEventListener('live', watchLive);
rows.addEventListener('live', watchLive);
rows.addEventListener('record', ({ detail }) => recording.open([detail.sourceId]));
function playMoment({ detail: { sourceId, ms } }) {
  showSingle(sourceId);
  timeline.mark({ sourceId, ms });
  player.play(sourceId, ms);
}
timeline.addEventListener('play', playMoment);
gaps.addEventListener('play', playMoment);
gaps.addEventListener('change', () => timeline.showCause());
player.addEventListener('close', showAll);
let markedMs = 0;
player.addEventListener('moment', ({ detail }) => {
  if (performance.now() - markedMs < MARK_EVERY_MS) return;
  markedMs = performance.now();
  timeline.mark(detail);
});

const refreshCoverage = () => coverage.refresh(rows.ids);
range.addEventListener('change', refreshCoverage);
state.addEventListener('change', refreshCoverage);
state.addEventListener('change', () => {
  const { sourceId } = player;
  if (sourceId !== null && !state.camera(sourceId)) showAll();
});
state.addEventListener('reach', ({ detail: { error } }) => {
  find('lost').hidden = error === null;
  if (error) setText(find('lost-why'), error.message);
});
coverage.addEventListener('failed', ({ detail }) => detail.status && say(detail.message, { isError: true }));

for (const button of document.querySelectorAll('[data-span]')) {
  button.addEventListener('click', () => range.zoomTo(SPANS_MS[Number(button.dataset.span)]));
}
find('pan-back').addEventListener('click', () => range.panBy(-range.spanMs / 2));
find('pan-on').addEventListener('click', () => range.panBy(range.spanMs / 2));
find('follow').addEventListener('click', () => range.follow());
find('zone').addEventListener('click', toggleZone);
for (const button of document.querySelectorAll('[data-closes]')) {
  button.addEventListener('click', () => button.closest('dialog').close());
}

function showRange() {
  for (const button of document.querySelectorAll('[data-span]')) {
    button.setAttribute('aria-pressed', String(SPANS_MS[Number(button.dataset.span)] === range.spanMs));
  }
  find('follow').setAttribute('aria-pressed', String(range.isFollowing));
  find('pan-on').disabled = range.isFollowing;
}
range.addEventListener('change', showRange);

function showClock() {
  setText(find('now'), `${dayText(nowMs())} ${timeText(nowMs())}`);
  setText(find('zone'), zoneName());
}
zoneChange.addEventListener('change', showClock);

const KEYS = {
  ' ': () => player.toggle(),
  j: () => player.step(-10_000),
  l: () => player.step(10_000),
  ',': () => player.stepFrame(-1),
  '.': () => player.stepFrame(1),
  End: () => player.sourceId !== null && watchLive({ detail: { sourceId: player.sourceId } }),
  Escape: () => player.sourceId !== null && showAll(),
};
document.addEventListener('keydown', (event) => {
  const isTyping = event.target.closest('input, select, textarea, dialog[open]');
  const isButton = event.key === ' ' && event.target.closest('button, a');
  if (isTyping || isButton || event.ctrlKey || event.altKey || event.metaKey || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});

setInterval(() => {
  if (document.hidden) return;
  showClock();
  refreshCoverage();
  if (range.isFollowing) timeline.draw();
}, 1000);
showClock();
showRange();
state.run();
