/** How a camera's bar and the axis above all bars are drawn. Draws only; pointers and keys are timeline.js's. */

import { ticks } from './instants.js';

const NAMES = ['track', 'footage', 'footage-near', 'tick', 'text', 'muted', 'playhead', 'cursor', 'future'];
const LEAST_PX = 1.5;
let colours = null;

export function forgetColours() {
  colours = null;
}

function colour(name) {
  if (!colours) {
    const style = getComputedStyle(document.documentElement);
    colours = Object.fromEntries(NAMES.map((one) => [one, style.getPropertyValue(`--${one}`).trim()]));
    colours.font = getComputedStyle(document.body).fontFamily;
  }
  return colours[name];
}

/** Make the canvas as fine as the screen; return its context scaled to CSS pixels, and its size. */
export function prepare(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
  const context = canvas.getContext('2d');
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** `moment`: {playheadMs, cursorMs, nowMs, isCurrent}; instants may be null. */
export function drawBar(canvas, spans, shown, moment) {
  const { context, width, height } = prepare(canvas);
  if (!width) return;
  const x = (ms) => ((ms - shown.startMs) / (shown.endMs - shown.startMs)) * width;
  context.fillStyle = colour('track');
  context.fillRect(0, 0, width, height);
  drawGrid(context, shown, width, height, x);
  drawSpans(context, spans, shown, height, x, moment.isCurrent || moment.playheadMs === null);
  drawFuture(context, x(moment.nowMs), width, height);
  if (moment.cursorMs !== null) drawLine(context, x(moment.cursorMs), height, colour('cursor'), 1);
  if (moment.playheadMs !== null) drawPlayhead(context, x(moment.playheadMs), height, moment.isCurrent);
}

function drawGrid(context, shown, width, height, x) {
  context.fillStyle = colour('tick');
  for (const { ms } of ticks(shown.startMs, shown.endMs, width, 80)) context.fillRect(Math.round(x(ms)), 0, 1, height);
}

function drawSpans(context, spans, shown, height, x, isCurrent) {
  context.fillStyle = colour(isCurrent ? 'footage' : 'footage-near');
  let drawnTo = -Infinity;
  for (const span of spans ?? []) {
    if (span.endMs < shown.startMs || span.startMs > shown.endMs) continue;
    // A gap is drawn at least LEAST_PX wide: a second lost in a day must not vanish.
    const left = Math.max(x(span.startMs), drawnTo + LEAST_PX);
    const right = Math.max(x(span.endMs), left + LEAST_PX);
    context.fillRect(left, 4, right - left, height - 8);
    drawnTo = right;
  }
}

function drawFuture(context, nowX, width, height) {
  if (nowX >= width) return;
  context.fillStyle = colour('future');
  context.fillRect(nowX, 0, width - nowX, height);
}

function drawLine(context, x, height, style, lineWidth) {
  context.fillStyle = style;
  context.fillRect(x - lineWidth / 2, 0, lineWidth, height);
}

function drawPlayhead(context, x, height, isCurrent) {
  context.globalAlpha = isCurrent ? 1 : 0.45;
  drawLine(context, x, height, colour('playhead'), isCurrent ? 2 : 1);
  context.globalAlpha = 1;
}

export function drawAxis(canvas, shown, moment) {
  const { context, width, height } = prepare(canvas);
  if (!width) return;
  const x = (ms) => ((ms - shown.startMs) / (shown.endMs - shown.startMs)) * width;
  context.textBaseline = 'middle';
  for (const tick of ticks(shown.startMs, shown.endMs, width, 80)) {
    context.font = `${tick.isDay ? '600 ' : ''}11.5px ${colour('font')}`;
    const half = context.measureText(tick.label).width / 2;
    const middle = Math.min(Math.max(x(tick.ms), half), width - half);
    context.fillStyle = colour('tick');
    context.fillRect(Math.round(x(tick.ms)), height - 5, 1, 5);
    context.fillStyle = colour(tick.isDay ? 'text' : 'muted');
    context.fillText(tick.label, middle - half, height / 2 - 2);
  }
  if (moment.playheadMs !== null) drawFlag(context, x(moment.playheadMs), height);
}

function drawFlag(context, x, height) {
  context.fillStyle = colour('playhead');
  context.beginPath();
  context.moveTo(x - 5, height - 7);
  context.lineTo(x + 5, height - 7);
  context.lineTo(x, height);
  context.fill();
}
