/** Instants as people read them, in this machine's zone or in UTC; and where the ticks of an axis stand. */

const KEY = 'playback.zone';
export const zoneChange = new EventTarget();
let isUtc = localStorage.getItem(KEY) === 'utc';
let formats = {};

export function toggleZone() {
  isUtc = !isUtc;
  formats = {};
  localStorage.setItem(KEY, isUtc ? 'utc' : 'local');
  zoneChange.dispatchEvent(new Event('change'));
}

function format(name, options) {
  formats[name] ??= new Intl.DateTimeFormat('en-GB', { timeZone: isUtc ? 'UTC' : undefined, ...options });
  return formats[name];
}

export function zoneName() {
  if (isUtc) return 'UTC';
  const parts = format('zone', { timeZoneName: 'short' }).formatToParts(Date.now());
  return parts.find((part) => part.type === 'timeZoneName').value;
}

const HOUR_MINUTE = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const DAY = { weekday: 'short', day: 'numeric', month: 'short' };

export const minuteText = (ms) => format('minute', HOUR_MINUTE).format(ms);
export const timeText = (ms) => format('time', { ...HOUR_MINUTE, second: '2-digit' }).format(ms);
export const dayText = (ms) => format('day', DAY).format(ms).replace(',', '');

/** `12:03:04.5`: tenths are cut off, not rounded, so that a clock never runs ahead. */
export const tenthText = (ms) => `${timeText(ms)}.${Math.floor((ms % 1000) / 100)}`;

export function momentText(ms, nearMs) {
  return dayText(ms) === dayText(nearMs) ? timeText(ms) : `${dayText(ms)} ${timeText(ms)}`;
}

export function durationText(ms) {
  const wholeS = Math.round(ms / 1000);
  if (wholeS < 1) return 'less than 1 s';
  const parts = [
    [Math.floor(wholeS / 86400), 'd'],
    [Math.floor(wholeS / 3600) % 24, 'h'],
    [Math.floor(wholeS / 60) % 60, 'min'],
    [wholeS % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ');
}

/** Minutes by which wall clocks of the shown zone are ahead of UTC. */
function zoneAheadMs(ms) {
  return isUtc ? 0 : -new Date(ms).getTimezoneOffset() * 60_000;
}

const STEPS_MIN = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720];

/** Return [{ms, label, isDay}] at round times of the shown zone, at least `minGapPx` apart. */
export function ticks(startMs, endMs, widthPx, minGapPx) {
  const minGapMs = ((endMs - startMs) * minGapPx) / widthPx;
  const stepMs = (STEPS_MIN.find((minutes) => minutes * 60_000 >= minGapMs) ?? 1440) * 60_000;
  const aheadMs = zoneAheadMs((startMs + endMs) / 2);
  const found = [];
  for (let ms = Math.ceil((startMs + aheadMs) / stepMs) * stepMs - aheadMs; ms < endMs; ms += stepMs) {
    const isDay = (ms + aheadMs) % 86_400_000 === 0;
    found.push({ ms, isDay, label: isDay ? dayText(ms) : minuteText(ms) });
  }
  return found;
}
