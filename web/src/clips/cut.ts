import type { Footage, Stretch } from '../api/footage';

/** What is cut out of one camera: the stretch between the marks, and what it holds. */
export interface Cut extends Stretch {
  footage: Footage;
}
