/** The pictures of the chosen cameras at one moment. */
export function Player() {
  return null;
}
