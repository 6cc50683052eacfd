/** Seconds within a film as people read and type them: `1:05:07.5`. */

/** "01:05", "1:01:05"; with `digits` "01:05.25". */
export function clockOf(seconds: number, digits = 0): string {
  const unit = 10 ** digits;
  const units = Math.round(Math.max(0, seconds) * unit);
  const whole = Math.floor(units / unit);
  const hours = Math.floor(whole / 3600);
  const two = (value: number) => String(value).padStart(2, '0');
  const fraction = digits ? `.${String(units % unit).padStart(digits, '0')}` : '';
  const text = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}${fraction}`;
  return hours ? `${hours}:${text}` : text;
}

/** "01:05–01:10"; one moment where there is no end, empty where there is no begin. */
export function spanOf(startS: number | null, endS: number | null): string {
  if (startS === null) return endS === null ? '' : `–${clockOf(endS)}`;
  return endS === null || clockOf(endS) === clockOf(startS) ? clockOf(startS) : `${clockOf(startS)}–${clockOf(endS)}`;
}

/** The seconds of "1:05:07.5", "65" or "1:05"; null for an empty text, NaN for anything else. */
export function secondsOf(text: string): number | null {
  const plain = text.trim().replace(',', '.');
  if (!plain) return null;
  const match = /^(?:(?:(\d{1,4}):)?(\d{1,4}):)?(\d{1,9}(?:\.\d{1,6})?)$/.exec(plain);
  if (!match) return Number.NaN;
  const [hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  const isClock = plain.includes(':');
  return isClock && (seconds >= 60 || (match[1] && minutes >= 60)) ? Number.NaN : hours * 3600 + minutes * 60 + seconds;
}
