/** The panel beside the player: marks, and what is done with what lies between them. */
export function Clips() {
  return null;
}
