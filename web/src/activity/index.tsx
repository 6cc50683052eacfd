/** The bar of activity above the timeline. */
export function ActivityBar() {
  return null;
}
