/** The colours and patterns of the canvas, read from the style sheet, so that both themes are written in one place. */
import { FAMILIES, type Family } from '../causes';

const NAMES = [
  'ground',
  'panel',
  'line',
  'text',
  'muted',
  'track',
  'footage',
  'future',
  'activity',
  'pin',
  'comment',
] as const;
type Name = (typeof NAMES)[number];
export const TAG_COLOURS = 6;

export interface Colours extends Record<Name, string> {
  readonly font: string;
  readonly gaps: Record<Family, CanvasPattern>;
  /** The same colours without a pattern, for gaps of a pixel or two. */
  readonly thinGaps: Record<Family, string>;
  readonly unknown: CanvasPattern;
  readonly tags: readonly string[];
}

type Drawing = (context: OffscreenCanvasRenderingContext2D, cell: number) => void;

function stroke(
  context: OffscreenCanvasRenderingContext2D,
  lines: readonly (readonly [number, number, number, number])[],
): void {
  context.beginPath();
  for (const [x, y, toX, toY] of lines) {
    context.moveTo(x, y);
    context.lineTo(toX, toY);
  }
  context.stroke();
}

const up: Drawing = (context, cell) => {
  stroke(context, [
    [-1, cell + 1, cell + 1, -1],
    [-1, 1, 1, -1],
    [cell - 1, cell + 1, cell + 1, cell - 1],
  ]);
};
const down: Drawing = (context, cell) => {
  stroke(context, [
    [-1, -1, cell + 1, cell + 1],
    [-1, cell - 1, 1, cell + 1],
    [cell - 1, -1, cell + 1, 1],
  ]);
};
const crossed: Drawing = (context, cell) => {
  up(context, cell);
  down(context, cell);
};
const lying: Drawing = (context, cell) => stroke(context, [[0, cell / 2, cell, cell / 2]]);
const dotted: Drawing = (context, cell) => {
  context.fillRect(cell / 2 - cell / 8, cell / 2 - cell / 8, cell / 4, cell / 4);
};
const standing: Drawing = (context, cell) => stroke(context, [[cell / 2, 0, cell / 2, cell]]);

const PATTERNS: Record<Family, Drawing> = {
  idle: dotted,
  camera: up,
  recorder: down,
  storage: crossed,
  removed: lying,
  unclear: standing,
};
const CELL_PX = 7;

function patternOf(
  context: CanvasRenderingContext2D,
  ground: string,
  ink: string,
  draw: Drawing,
  density: number,
): CanvasPattern {
  const cell = Math.round(CELL_PX * density);
  const tile = new OffscreenCanvas(cell, cell);
  const inner = tile.getContext('2d');
  if (!inner) throw new Error('this browser has no canvas');
  inner.fillStyle = ground;
  inner.fillRect(0, 0, cell, cell);
  inner.fillStyle = ink;
  inner.strokeStyle = ink;
  inner.lineWidth = 1.6 * density;
  draw(inner, cell);
  const pattern = context.createPattern(tile, 'repeat');
  if (!pattern) throw new Error('this browser has no patterns');
  return pattern;
}

const GAP_NAMES = FAMILIES.flatMap((family) => [`gap-${family}`, `gap-${family}-soft`]);
const TAG_NAMES = Array.from({ length: TAG_COLOURS }, (_, number) => `tag-${number}`);

/**
 * Return what each `--timeline-NAME` comes to; `light-dark()` and the like are resolved by the browser. All at once, by an
 * element each: it would work out the styles of the page for each of them.
 */
function readAll(element: HTMLElement, names: readonly string[]): (name: string) => string {
  const inks = names.map((name) => {
    const ink = document.createElement('i');
    ink.style.color = `var(--timeline-${name})`;
    return ink;
  });
  element.replaceChildren(...inks);
  const read = new Map(names.map((name, number) => [name, getComputedStyle(inks[number] as HTMLElement).color]));
  element.replaceChildren();
  return (name) => read.get(name) ?? '';
}

/** Read the colours. `probe` is an element within the timeline that shows nothing. */
export function readColours(probe: HTMLElement, context: CanvasRenderingContext2D, density: number): Colours {
  const read = readAll(probe, [...NAMES, ...GAP_NAMES, ...TAG_NAMES]);
  const named = Object.fromEntries(NAMES.map((name) => [name, read(name)])) as Record<Name, string>;
  const thinGaps = Object.fromEntries(FAMILIES.map((family) => [family, read(`gap-${family}`)])) as Record<
    Family,
    string
  >;
  const gaps = Object.fromEntries(
    FAMILIES.map((family) => {
      const ground = family === 'idle' ? named.track : read(`gap-${family}-soft`);
      return [family, patternOf(context, ground, thinGaps[family], PATTERNS[family], density)];
    }),
  ) as Record<Family, CanvasPattern>;
  const tags = TAG_NAMES.map(read);
  const unknown = patternOf(context, named.track, named.panel, up, density);
  return { ...named, thinGaps, gaps, tags, unknown, font: getComputedStyle(probe).fontFamily };
}

/** Draw the pattern of a family into a small canvas: the legend. */
export function drawSwatch(canvas: HTMLCanvasElement, family: Family, colours: Colours): void {
  const context = canvas.getContext('2d');
  if (!context) return;
  context.fillStyle = colours.gaps[family];
  context.fillRect(0, 0, canvas.width, canvas.height);
}
