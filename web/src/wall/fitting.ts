/** How many columns let so many pictures of 16:9 be as large as they can within a box, in CSS pixels. */
export function columnsFor(count: number, width: number, height: number, leastPx: number): number {
  const most = Math.max(1, Math.floor(width / leastPx));
  let [best, bestWidth] = [1, 0];
  for (let columns = 1; columns <= Math.min(most, Math.max(count, 1)); columns += 1) {
    const lines = Math.ceil(count / columns);
    const tile = Math.min(width / columns, ((height / lines) * 16) / 9);
    if (tile > bestWidth) [best, bestWidth] = [columns, tile];
  }
  // Where they cannot all be seen the page is scrolled, with pictures no smaller than the least.
  return bestWidth < leastPx ? most : best;
}
