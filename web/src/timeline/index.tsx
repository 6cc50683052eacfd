/** What was recorded when. */
export function Timeline() {
  return null;
}
