/** The weeks of a month: pure functions. */

export interface Month {
  readonly year: number;
  readonly month: number;
}
export interface Day extends Month {
  readonly day: number;
}

export function monthAfter({ year, month }: Month, count: number): Month {
  const date = new Date(Date.UTC(year, month - 1 + count, 1));
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1 };
}

/** With which day weeks begin in the calendars of a language: 1 is Monday, 7 Sunday. */
export const weekBegin = (language: string): number => (language === 'en' ? 7 : 1);

/** The weeks of a month as they stand in a calendar, with the days of its neighbours that fill them. */
export function daysOf({ year, month }: Month, firstWeekday: number): Day[][] {
  const weekday = new Date(Date.UTC(year, month - 1, 1)).getUTCDay() || 7;
  const lead = (weekday - firstWeekday + 7) % 7;
  const length = new Date(Date.UTC(year, month, 0)).getUTCDate();
  const count = Math.ceil((lead + length) / 7);
  return Array.from({ length: count }, (_, week) =>
    Array.from({ length: 7 }, (_, place) => {
      const date = new Date(Date.UTC(year, month - 1, 1 - lead + week * 7 + place));
      return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
    }),
  );
}
