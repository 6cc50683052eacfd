/** Going from picture to picture by arrows. */

const ASIDE = 10; // a line of pictures further away counts for so many pixels beside

/** The link above or below another: of the nearest line that which is least aside. */
function beyond(links: HTMLElement[], here: DOMRect, isDown: boolean): HTMLElement | null {
  const found = links
    .map((link) => ({ link, box: link.getBoundingClientRect() }))
    .filter(({ box }) => (isDown ? box.top > here.bottom : box.bottom < here.top))
    .map(({ link, box }) => ({ link, far: Math.abs(box.top - here.top) * ASIDE + Math.abs(box.left - here.left) }))
    .sort((one, other) => one.far - other.far);
  return found[0]?.link ?? null;
}

function following(links: HTMLElement[], key: string): HTMLElement | null {
  const tile = document.activeElement?.closest('.wall-tile');
  const at = links.findIndex((link) => tile?.contains(link));
  const here = links[at]?.getBoundingClientRect();
  if (!here) return links[0] ?? null;
  if (key === 'ArrowRight') return links[at + 1] ?? null;
  if (key === 'ArrowLeft') return links[at - 1] ?? null;
  return beyond(links, here, key === 'ArrowDown');
}

/** Move the focus from the picture that has it to the one beside, above or below; at first to the first. */
export function moveFocus({ key }: KeyboardEvent): void {
  following([...document.querySelectorAll<HTMLElement>('.wall-open')], key)?.focus();
}
